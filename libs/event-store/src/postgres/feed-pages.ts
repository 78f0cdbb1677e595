// Pages of the feed: what is settled, between two positions, through the index that fits.
import { type Database, loadSql } from '@concord/database';
import type { GlobalPosition } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import { readThrough } from '../read-feed.js';
import type { ArchiveReader } from './archive/archive-reader.js';
import type { FeedPage, ReadFeedOptions } from '../requests.js';
import { readEventPage } from './packed-page.js';
import { toRecordedEvent } from './rows.js';

const sql = {
  horizon: loadSql(import.meta.url, 'sql/feed-horizon.sql'),
  lastSettled: loadSql(import.meta.url, 'sql/last-settled.sql'),
  forwards: {
    all: {
      packed: loadSql(import.meta.url, 'sql/read-all-packed.sql'),
      rows: loadSql(import.meta.url, 'sql/read-all.sql'),
    },
    categories: {
      packed: loadSql(import.meta.url, 'sql/read-categories-packed.sql'),
      rows: loadSql(import.meta.url, 'sql/read-categories.sql'),
    },
  },
  backwards: {
    all: { rows: loadSql(import.meta.url, 'sql/read-all-backwards.sql') },
    categories: { rows: loadSql(import.meta.url, 'sql/read-categories-backwards.sql') },
  },
};

const PAGE = 1000;

/** The position up to which the feed is settled. */
export async function readHorizon(database: Database): Promise<GlobalPosition> {
  const [row] = await database.query<{ horizon: GlobalPosition }>(sql.horizon);
  return row?.horizon ?? 0n;
}

export async function readFeedPage(
  database: Database,
  archives: ArchiveReader,
  tenant: TenantId,
  options: ReadFeedOptions,
): Promise<FeedPage> {
  const { limit = PAGE, direction = 'forwards' } = options;
  // Two statements, in this order, each with a snapshot of its own: what the horizon settles, the second one sees.
  const horizon = await readHorizon(database);
  const bounds = boundsOf(options, horizon);
  const filters = filtersOf(options);
  const statements = sql[direction][filters.length > 2 ? 'categories' : 'all'];
  const found = await readEventPage(database, statements, [tenant, ...bounds, limit, ...filters], limit);
  const rows = await archives.complete(tenant, found, { ...options, limit, bounds });
  const last = rows.at(-1)?.global_position;
  const isFull = rows.length === limit;
  const settled = readThrough(options, horizon, isFull ? last : undefined);
  const events = rows.map(toRecordedEvent);
  if (isFull || direction === 'backwards') return { events, through: settled, settled };
  // Not to the horizon: positions of appends that were rolled back need not be durable. A reader that kept one would miss
  // the event that gets it after a crash of the server (test/crash/positions-after-crash.spec.ts).
  const newest = isFiltered(options) ? await lastSettled(database, tenant, bounds[1]) : last;
  return { events, through: readThrough(options, newest ?? 0n, undefined), settled };
}

function isFiltered({ categories, types, streamPrefixes }: ReadFeedOptions): boolean {
  return categories !== undefined || types !== undefined || streamPrefixes !== undefined;
}

async function lastSettled(database: Database, tenant: TenantId, end: GlobalPosition): Promise<GlobalPosition> {
  const [row] = await database.query<{ position: GlobalPosition }>(sql.lastSettled, [tenant, end]);
  return row?.position ?? 0n;
}

/** Above the first, and up to the second. */
function boundsOf(
  { after = 0n, before }: ReadFeedOptions,
  horizon: GlobalPosition,
): readonly [GlobalPosition, GlobalPosition] {
  return [after, before !== undefined && before <= horizon ? before - 1n : horizon];
}

/** The types and prefixes, null for all, and then the categories if there are any to look in. */
function filtersOf(options: ReadFeedOptions): readonly unknown[] {
  const { types = null, streamPrefixes = null } = options;
  const categories = categoriesOf(options);
  return categories ? [types, streamPrefixes, categories] : [types, streamPrefixes];
}

/** The categories to look in: those asked for, as far as the prefixes leave any; undefined for all. */
function categoriesOf({ categories, streamPrefixes }: ReadFeedOptions): string[] | undefined {
  const wanted = categories && [...new Set(categories)];
  const prefixes = streamPrefixes?.map((prefix) => prefix.split('-', 1)[0] ?? '');
  if (!prefixes || !streamPrefixes?.every((prefix) => prefix.includes('-'))) return wanted;
  const named = [...new Set(prefixes)];
  return wanted ? named.filter((category) => wanted.includes(category)) : named;
}
