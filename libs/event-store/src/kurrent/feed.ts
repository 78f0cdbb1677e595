// The feed of a tenant out of everything: read in pages, and what is not wanted left out here. The client takes no filter
// for reads, and its filtered subscriptions do not say how far they have looked.
import type { GlobalPosition, RecordedEvent } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { FeedPage, ReadFeedOptions } from '../requests.js';
import type { Connection } from './connection.js';
import type { ReadEvent } from './wire-events.js';

const PAGE = 1_000;
// A page of the feed takes so many reads at most, whatever they find.
const MAX_READS = 20;

/** A page of one tenant's feed. */
export async function readFeedPage(
  connection: Connection,
  tenant: TenantId,
  options: ReadFeedOptions,
): Promise<FeedPage> {
  const { after = 0n, limit = PAGE } = options;
  const isWanted = wantedBy(tenant, options);
  const events: RecordedEvent[] = [];
  let through = after;
  for (let reads = 0; reads < MAX_READS && events.length < limit; reads += 1) {
    const page = await readAfter(connection, through, PAGE);
    for (const { position, recorded } of page.events) {
      if (events.length === limit) break;
      through = position;
      if (recorded && isWanted(recorded)) events.push(recorded);
    }
    if (page.isLast) break;
  }
  return { events, through };
}

/** A page of everything that comes after a position. */
export async function readAfter(
  connection: Connection,
  after: GlobalPosition,
  limit: number,
): Promise<{ readonly events: ReadEvent[]; readonly isLast: boolean }> {
  // A read includes the position that it starts from.
  const page = await connection.readAll({ ...(after > 0n && { from: after }), limit: limit + 1 });
  return { events: page.filter(({ position }) => position > after).slice(0, limit), isLast: page.length <= limit };
}

function wantedBy(tenant: TenantId, { categories, types }: ReadFeedOptions): (event: RecordedEvent) => boolean {
  return ({ metadata, type, stream }) =>
    metadata.tenantId === tenant &&
    (types?.includes(type) ?? true) &&
    (categories?.includes(stream.split('-', 1)[0] ?? '') ?? true);
}
