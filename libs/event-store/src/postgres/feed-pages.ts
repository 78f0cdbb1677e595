// Pages of the feed: what is settled, between two positions, through the index that fits.
import { type Database, loadSql } from '@concord/database';
import type { GlobalPosition } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import { readThrough } from '../read-feed.js';
import type { FeedPage, ReadFeedOptions } from '../requests.js';
import { type EventRow, toRecordedEvent } from './rows.js';

const sql = {
  horizon: loadSql(import.meta.url, 'sql/feed-horizon.sql'),
  forwards: {
    all: loadSql(import.meta.url, 'sql/read-all.sql'),
    categories: loadSql(import.meta.url, 'sql/read-categories.sql'),
  },
  backwards: {
    all: loadSql(import.meta.url, 'sql/read-all-backwards.sql'),
    categories: loadSql(import.meta.url, 'sql/read-categories-backwards.sql'),
  },
};

const PAGE = 1000;

/** The position up to which the feed is settled. */
export async function readHorizon(database: Database): Promise<GlobalPosition> {
  const [row] = await database.query<{ horizon: GlobalPosition }>(sql.horizon);
  return row?.horizon ?? 0n;
}

export async function readFeedPage(database: Database, tenant: TenantId, options: ReadFeedOptions): Promise<FeedPage> {
  const { limit = PAGE, direction = 'forwards' } = options;
  // Two statements, in this order, each with a snapshot of its own: what the horizon settles, the second one sees.
  const horizon = await readHorizon(database);
  const categories = categoriesOf(options);
  const statement = sql[direction][categories ? 'categories' : 'all'];
  const values = [tenant, ...boundsOf(options, horizon), limit, options.types ?? null, options.streamPrefixes ?? null];
  const rows = await database.query<EventRow>(statement, categories ? [...values, categories] : values);
  const last = rows.length === limit ? rows.at(-1)?.global_position : undefined;
  return { events: rows.map(toRecordedEvent), through: readThrough(options, horizon, last) };
}

/** Above the first, and up to the second. */
function boundsOf({ after = 0n, before }: ReadFeedOptions, horizon: GlobalPosition): GlobalPosition[] {
  return [after, before !== undefined && before <= horizon ? before - 1n : horizon];
}

/** The categories to look in: those asked for, as far as the prefixes leave any; undefined for all. */
function categoriesOf({ categories, streamPrefixes }: ReadFeedOptions): string[] | undefined {
  const wanted = categories && [...new Set(categories)];
  const prefixes = streamPrefixes?.map((prefix) => prefix.split('-', 1)[0] ?? '');
  if (!prefixes || !streamPrefixes?.every((prefix) => prefix.includes('-'))) return wanted;
  const named = [...new Set(prefixes)];
  return wanted ? named.filter((category) => wanted.includes(category)) : named;
}
