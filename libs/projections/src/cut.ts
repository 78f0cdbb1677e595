// Which events the rows hold that one snapshot of the database shows. Rows and their place are written as one, so a snapshot has
// both of the same moment, whoever goes on writing.
import { type Database, loadSql, TransientConflict } from '@concord/database';
import type { EventStore } from '@concord/event-store';
import type { GlobalPosition, RecordedEvent } from '@concord/kernel';
import { sliceOf } from '@concord/subscriptions';
import { currentTenant } from '@concord/tenancy';
import { type ProjectionDefinition, subscriptionName } from './projection.js';

const sql = {
  cut: loadSql(import.meta.url, 'sql/read-cut.sql'),
  slices: loadSql(import.meta.url, 'sql/read-slice-positions.sql'),
  waiting: loadSql(import.meta.url, 'sql/read-waiting-streams.sql'),
  lockExclusive: loadSql(import.meta.url, 'sql/lock-exclusive.sql'),
};
// Commands wait behind whoever waits for this lock: rather tried often than waited for long.
const LOCK_TIMEOUT = { text: `set local lock_timeout = '250ms'` };
const LOCK_ATTEMPTS = 20;

/** The events that rows hold. */
export interface Cut {
  /** All events up to here, and of those behind none but `has` says so. */
  readonly complete: GlobalPosition;
  /** None behind this one. */
  readonly last: GlobalPosition;
  has(event: RecordedEvent): boolean;
}

interface Place {
  readonly subscription: string;
  readonly slices: number;
  readonly position: GlobalPosition;
}

/** Of an asynchronous projection, for the running tenant, as `database` sees it. */
export async function cutOfCheckpoints(database: Database, projection: ProjectionDefinition): Promise<Cut> {
  const key = [subscriptionName(projection), currentTenant(), `projection:${projection.name}:`];
  const [place] = await database.query<Place>(sql.cut, key);
  if (!place) return upTo(0n);
  return place.slices === 0 ? upTo(place.position) : cutOfSlices(database, place);
}

/**
 * Of an inline projection. Takes the snapshot of `looker`'s transaction, which has sent no query before, at a moment when no command
 * is under way that projects inline: what was appended is at or below the last position drawn, and what is to come behind it.
 */
export async function cutBetweenCommands(
  { database, store }: { readonly database: Database; readonly store: EventStore },
  projection: ProjectionDefinition,
  looker: Database,
): Promise<Cut> {
  const between = (): Promise<GlobalPosition> =>
    database.transaction(async () => {
      await database.query(LOCK_TIMEOUT);
      await database.query(sql.lockExclusive, [currentTenant(), projection.name]);
      await looker.query({ text: 'select 1 as seen' });
      return store.lastPosition();
    });
  for (let attempt = 1; ; attempt += 1) {
    try {
      return upTo(await between());
    } catch (error) {
      if (!(error instanceof TransientConflict) || attempt === LOCK_ATTEMPTS) throw error;
    }
  }
}

function upTo(position: GlobalPosition): Cut {
  return { complete: position, last: position, has: ({ globalPosition }) => globalPosition <= position };
}

/** Each slice has its own place, and each stream that waits another one. */
async function cutOfSlices(database: Database, { subscription, slices, position }: Place): Promise<Cut> {
  const tenant = currentTenant();
  const key = [subscription, tenant];
  const places = await database.query<{ slice: number; position: GlobalPosition }>(sql.slices, key);
  const waiting = await database.query<{ stream: string; next: GlobalPosition }>(sql.waiting, key);
  const bySlice = new Map(places.map((each) => [each.slice, each.position]));
  const nextOf = new Map(waiting.map(({ stream, next }) => [stream, next]));
  const has = ({ stream, globalPosition }: RecordedEvent): boolean => {
    const next = nextOf.get(stream);
    if (next !== undefined) return globalPosition < next;
    return globalPosition <= (bySlice.get(sliceOf(tenant, stream, slices)) ?? 0n);
  };
  const last = [...bySlice.values(), ...nextOf.values()].reduce((a, b) => (a > b ? a : b), position);
  return { complete: position, last, has };
}
