// Reads events as they are stored: payloads as text to the byte, both ways, with filters by name and type. For what hands
// events on without looking into them (the gRPC server); domain code reads through EventStore.
import { type Database, loadSql } from '@concord/database';
import { type ExpectedVersion, type GlobalPosition, NO_REVISION, type StreamPosition } from '@concord/kernel';
import { currentTenant } from '@concord/tenancy';
import { type FeedFile, StoredArchive } from './archive/stored-archive.js';
import type { StoredEvent, StoredEventFilter, StoredRange } from './stored-event.js';

/** A part of the feed: the events let through, how many were looked at, and the last position of those. */
export interface StoredPage {
  readonly events: readonly StoredEvent[];
  readonly lookedAt: number;
  readonly through: GlobalPosition | undefined;
}

type FeedRow = StoredEvent & {
  readonly looked_at: bigint;
  readonly through: GlobalPosition | null;
  readonly archived_through: GlobalPosition | null;
};

const sql = {
  streamForwards: loadSql(import.meta.url, 'sql/stored-stream-forwards.sql'),
  streamBackwards: loadSql(import.meta.url, 'sql/stored-stream-backwards.sql'),
  feedForwards: loadSql(import.meta.url, 'sql/stored-feed-forwards.sql'),
  feedBackwards: loadSql(import.meta.url, 'sql/stored-feed-backwards.sql'),
  archivedForwards: loadSql(import.meta.url, 'sql/stored-feed-archived-forwards.sql'),
  archivedBackwards: loadSql(import.meta.url, 'sql/stored-feed-archived-backwards.sql'),
  archivedPlaces: loadSql(import.meta.url, 'sql/stored-places-archived.sql'),
  end: loadSql(import.meta.url, 'sql/stored-end.sql'),
  firstShown: loadSql(import.meta.url, 'sql/first-shown.sql'),
  at: loadSql(import.meta.url, 'sql/stored-events-at.sql'),
  horizon: loadSql(import.meta.url, 'sql/feed-horizon.sql'),
};

/** Reads events as they are stored, those in the archive too, when it has their folder. */
export class StoredEvents {
  private readonly archive: StoredArchive;

  constructor(
    private readonly database: Database,
    archiveFolder?: string,
  ) {
    this.archive = new StoredArchive(database, archiveFolder);
  }

  /** One page of a stream from a position on, that included. Errors: StreamDeleted, ArchiveUnavailable. */
  async stream(name: string, backwards: boolean, from: StreamPosition, limit: number): Promise<StoredEvent[]> {
    const statement = backwards ? sql.streamBackwards : sql.streamForwards;
    const events = await this.database.query<StoredEvent>(statement, [currentTenant(), name, from, limit]);
    const gap = gapIn(events, { backwards, from, limit });
    if (!gap) return events;
    const part = { from: gap[0], to: gap[1], backwards, limit };
    const archived = await this.archive.ofStream(currentTenant(), name, part);
    return (backwards ? [...events, ...archived] : [...archived, ...events]).slice(0, limit);
  }

  /**
   * Where a stream ends for who appends: hidden events count, and -1 is nowhere. Errors: WrongExpectedVersion and
   * StreamDeleted, as an append would get them.
   */
  async endExpected(name: string, expected: ExpectedVersion): Promise<StreamPosition> {
    const values = [currentTenant(), name, expected.toString()];
    const [row] = await this.database.query<{ last: StreamPosition }>(sql.end, values);
    return row?.last ?? NO_REVISION;
  }

  /**
   * One page of the feed. What is above the horizon of that moment is not for reading: see {@link horizon}. Errors:
   * ArchiveUnavailable.
   */
  async feed(range: StoredRange, backwards: boolean, filter: StoredEventFilter = {}): Promise<StoredPage> {
    const values = [currentTenant(), range.from, range.to, range.limit, ...valuesOf(filter)];
    const rows = await this.database.query<FeedRow>(backwards ? sql.feedBackwards : sql.feedForwards, values);
    const [first] = rows;
    const isWhole = !first || !reachesArchive(first, range, backwards);
    return pageOf(isWhole ? rows : await this.withArchived(range, backwards, filter));
  }

  /** The events at these places, in no particular order; who is not there is left out. Errors: ArchiveUnavailable. */
  async at(places: readonly { readonly stream: string; readonly position: StreamPosition }[]): Promise<StoredEvent[]> {
    const wanted = [places.map(({ stream }) => stream), places.map(({ position }) => position)];
    const events = await this.database.query<StoredEvent>(sql.at, [currentTenant(), ...wanted]);
    if (events.length === places.length) return events;
    type Place = { readonly stream: string; readonly place: StreamPosition };
    for (const { stream, place } of await this.database.query<Place>(sql.archivedPlaces, [
      currentTenant(),
      ...wanted,
    ])) {
      const only = { from: place, to: place, backwards: false, limit: 1 };
      events.push(...(await this.archive.ofStream(currentTenant(), stream, only)));
    }
    return events;
  }

  /**
   * The first position that a stream shows, of those streams that may hide events, which the feed goes on giving until they
   * are scavenged.
   */
  async firstShown(streams: readonly string[]): Promise<ReadonlyMap<string, StreamPosition>> {
    type First = { readonly stream: string; readonly first: StreamPosition };
    const rows = await this.database.query<First>(sql.firstShown, [currentTenant(), streams]);
    return new Map(rows.map(({ stream, first }) => [stream, first]));
  }

  /** Up to where the feed is settled: what was read up to here is complete for ever. */
  async horizon(): Promise<GlobalPosition> {
    const [row] = await this.database.query<{ horizon: GlobalPosition }>(sql.horizon);
    return row?.horizon ?? 0n;
  }

  /** Reads until nothing was archived meanwhile: an event may leave the table after its files were looked up. */
  private async withArchived(range: StoredRange, backwards: boolean, filter: StoredEventFilter): Promise<FeedRow[]> {
    const tenant = currentTenant();
    const values = [tenant, range.from, range.to, range.limit, ...valuesOf(filter)];
    const statement = backwards ? sql.archivedBackwards : sql.archivedForwards;
    for (let files = await this.archive.filesOf(tenant, range); ;) {
      const archived = await this.archive.ofFeed(tenant, files, { range, backwards, filter });
      const rows = archived && (await this.database.query<FeedRow>(statement, [...values, JSON.stringify(archived)]));
      const present = await this.archive.filesOf(tenant, range);
      if (rows && isSame(present, files)) return rows;
      files = present;
    }
  }
}

function isSame(some: readonly FeedFile[], others: readonly FeedFile[]): boolean {
  return some.length === others.length && some.every(({ file }, index) => file === others[index]?.file);
}

function pageOf(rows: readonly FeedRow[]): StoredPage {
  const [first] = rows;
  // Without an event in it, the row is the left join's.
  const events = rows.filter((row) => (row.event_id as string | null) !== null);
  return { events, lookedAt: Number(first?.looked_at ?? 0), through: first?.through ?? undefined };
}

/** Whether the page reaches down to where events are archived. */
function reachesArchive(
  { archived_through, looked_at, through }: FeedRow,
  range: StoredRange,
  backwards: boolean,
): boolean {
  const full = looked_at === BigInt(range.limit);
  const lowest = backwards && full && through !== null ? through : range.from;
  return archived_through !== null && archived_through >= lowest;
}

/** Of a stream only the first events are ever taken away, so there is a gap before the events of a page or none. */
function gapIn(
  events: readonly StoredEvent[],
  { backwards, from, limit }: { backwards: boolean; from: StreamPosition; limit: number },
): readonly [StreamPosition, StreamPosition] | undefined {
  const first = (backwards ? events.at(-1) : events[0])?.stream_position;
  // With nothing at its end there is nothing before it: the last event of a stream is never archived.
  if (first === undefined) return backwards ? [0n, from] : undefined;
  const start = backwards ? 0n : from;
  return first > start && (!backwards || events.length < limit) ? [start, first - 1n] : undefined;
}

function valuesOf(filter: StoredEventFilter): unknown[] {
  const { category, type, streamPrefixes, typePrefixes, streamRegex, typeRegex, firsts } = filter;
  return [category, type, streamPrefixes, typePrefixes, streamRegex, typeRegex, firsts].map((value) => value ?? null);
}
