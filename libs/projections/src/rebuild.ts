// Rebuilds a projection in place for one tenant: one transaction, so that readers see the old rows until the new ones
// are complete, and a crash leaves the old ones.
import { type Database, loadSql } from '@concord/database';
import type { EventStore } from '@concord/event-store';
import type { GlobalPosition } from '@concord/kernel';
import { Checkpoints } from '@concord/subscriptions';
import { currentTenant } from '@concord/tenancy';
import { clearRows, projectEvents } from './project-events.js';
import { isSliced, type ProjectionDefinition, subscriptionName } from './projection.js';

/** How far a rebuild has come: up to `position` of `target`, after `events` events. */
export interface RebuildProgress {
  readonly tenantId: string;
  readonly events: number;
  readonly position: GlobalPosition;
  readonly target: GlobalPosition;
}

const lockExclusive = loadSql(import.meta.url, 'sql/lock-exclusive.sql');
const settleSlices = loadSql(import.meta.url, 'sql/settle-slices.sql');
const PAGE = 1000;
const SETTLE_MS = 20;

/** Rebuilds for the running tenant; answers the number of events projected. */
export async function rebuild(
  store: EventStore,
  database: Database,
  projection: ProjectionDefinition,
  onProgress: (progress: RebuildProgress) => void = () => undefined,
): Promise<number> {
  const tenantId = currentTenant();
  const checkpoints = new Checkpoints(database);
  return database.transaction(async (transaction) => {
    // It may wait for as long as others rebuild.
    transaction.bePatient();
    await database.query({ text: 'set local lock_timeout = 0' });
    // Commands that project inline hold this lock, shared, from before they append: after it, none is under way, and
    // what they have appended is at or below the last position drawn.
    await database.query(lockExclusive, [tenantId, projection.name]);
    if (!isSliced(projection)) await checkpoints.hold(subscriptionName(projection), true);
    const target = await store.lastPosition();
    await clearRows(database, projection, tenantId);
    let events = 0;
    let position = 0n;
    let through = 0n;
    while (position < target) {
      const { categories, handlers } = projection;
      const page = await store.readFeed({ after: position, limit: PAGE, categories, types: [...handlers.keys()] });
      const due = page.events.filter((event) => event.globalPosition <= target);
      await projectEvents(database, projection, due);
      events += due.length;
      // An append that projects nothing may hold the horizon below the target for a moment.
      const settled = page.settled ?? page.through;
      if (settled === position) await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      position = settled > target ? target : settled;
      ({ through } = page);
      onProgress({ tenantId, events, position, target });
    }
    // Not always the target: whoever drew it may have rolled back, and after a crash of the server it can be drawn again.
    const done = through > target ? target : through;
    if (isSliced(projection)) await database.query(settleSlices, [subscriptionName(projection), tenantId, done]);
    else await checkpoints.save(subscriptionName(projection), done);
    return events;
  });
}
