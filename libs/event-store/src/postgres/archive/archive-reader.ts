// Reads archived events back where a stream or the feed reaches into them. Always asked after the table was read: whatever
// had left the table by then is in the manifest.
import { type Database, loadSql } from '@concord/database';
import type { EventMetadata, GlobalPosition, StreamName, StreamPosition } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { LinkTarget } from '../../links.js';
import type { ReadFeedOptions } from '../../requests.js';
import type { EventRow } from '../rows.js';
import { ArchivedEvents } from './archived-events.js';
import type { ArchivedEvent, ArchiveFile, FileArchive } from './file-archive.js';

const sql = {
  ofStream: loadSql(import.meta.url, '../sql/archives-of-stream.sql'),
  ofFeed: loadSql(import.meta.url, '../sql/archives-of-feed.sql'),
  shows: loadSql(import.meta.url, '../sql/shows.sql'),
  through: loadSql(import.meta.url, '../sql/archived-through.sql'),
};

export class ArchiveReader {
  private readonly archived: ArchivedEvents;

  constructor(
    private readonly database: Database,
    archive: FileArchive | undefined,
  ) {
    this.archived = new ArchivedEvents(database, archive, 'give the store its archive folder');
  }

  /**
   * What a stream shows of its archived events between two positions, both included: file by file, upwards, or downwards
   * with each file's events reversed.
   */
  async *pagesOfStream(tenant: TenantId, stream: StreamName, range: Range, isUp = true): AsyncGenerator<EventRow[]> {
    let { from, to } = range;
    while (from <= to) {
      const values = [tenant, stream, from, to, isUp ? 1 : -1];
      const [file] = await this.database.query<StreamFile>(sql.ofStream, values);
      if (!file) return;
      const events = await this.archived.of(tenant, file);
      // Its events are in another file by now.
      if (!events) continue;
      const page = events
        .filter((event) => event.stream_name === stream && isWithin(event, { from: file.first, to }))
        .map((event) => toRow(tenant, event));
      yield isUp ? page : page.reverse();
      if (isUp) from = file.last_position + 1n;
      else to = file.first_position - 1n;
    }
  }

  /** The same at once, oldest first. */
  async ofStream(tenant: TenantId, stream: StreamName, range: Range): Promise<EventRow[]> {
    return (await Array.fromAsync(this.pagesOfStream(tenant, stream, range))).flat();
  }

  /** Of single events those that are archived, and shown, and not among those that were found already. */
  async find(tenant: TenantId, targets: readonly LinkTarget[], found: readonly EventRow[]): Promise<EventRow[]> {
    if (!(await this.through(tenant))) return [];
    const known = new Set(found.map((row) => `${row.stream_position}@${row.stream_name}`));
    const missing = targets.filter(({ stream, position }) => !known.has(`${position}@${stream}`));
    const events: EventRow[] = [];
    for (const { stream, position } of missing) {
      const [shown] = await this.database.query<{ shows: boolean }>(sql.shows, [tenant, stream, position]);
      if (shown?.shows) events.push(...(await this.ofStream(tenant, stream, { from: position, to: position })));
    }
    return events;
  }

  /** The rows of a feed page, with what is archived between them. */
  async complete(tenant: TenantId, rows: EventRow[], options: PageOptions): Promise<EventRow[]> {
    const archived = rows[0] ? rows[0].archived_through : await this.through(tenant);
    const [after, upTo] = rangeOf(rows, options);
    if ((archived ?? 0n) <= after) return rows;
    return inOrder([...rows, ...(await this.ofFeed(tenant, { ...options, bounds: [after, upTo] }))], options);
  }

  private async through(tenant: TenantId): Promise<GlobalPosition | null | undefined> {
    const [row] = await this.database.query<{ position: GlobalPosition | null }>(sql.through, [tenant]);
    return row?.position;
  }

  /** The archived events of a range that match, the first of them in the page's direction. Files may overlap. */
  private async ofFeed(tenant: TenantId, options: PageOptions): Promise<EventRow[]> {
    type Row = ArchiveFile & { first_position: GlobalPosition; last_position: GlobalPosition };
    const files = await this.database.query<Row>(sql.ofFeed, [tenant, ...options.bounds]);
    const isBackwards = options.direction === 'backwards';
    if (isBackwards) files.sort((a, b) => (a.last_position > b.last_position ? -1 : 1));
    let events: EventRow[] = [];
    for (const file of files) {
      const last = events[options.limit - 1]?.global_position;
      // What is in this file comes after all that is wanted, and so it is with the files after it.
      if (last !== undefined && (isBackwards ? last > file.last_position : last < file.first_position)) break;
      const found = await this.archived.of(tenant, file);
      // Its events are in another file by now, which was not on the list.
      if (!found) return this.ofFeed(tenant, options);
      const matching = found.filter((event) => matches(event, options));
      events = inOrder([...events, ...matching.map((event) => toRow(tenant, event))], options);
    }
    return events;
  }
}

/** Positions in a stream, both included. */
interface Range {
  readonly from: StreamPosition;
  readonly to: StreamPosition;
}

/** A file, which part of the stream is in it, and the first position that is wanted and shown. */
type StreamFile = ArchiveFile & {
  readonly first_position: StreamPosition;
  readonly last_position: StreamPosition;
  readonly first: StreamPosition;
};

function isWithin({ stream_position }: ArchivedEvent, { from, to }: Range): boolean {
  const position = BigInt(stream_position);
  return position >= from && position <= to;
}

/** `bounds`: above the first position, and up to the second. */
type PageOptions = ReadFeedOptions & {
  readonly limit: number;
  readonly bounds: readonly [GlobalPosition, GlobalPosition];
};

/** A full page ends at its last row; what is archived beyond it is for another page. */
function rangeOf(rows: readonly EventRow[], { limit, bounds, direction }: PageOptions): PageOptions['bounds'] {
  const last = rows[limit - 1]?.global_position;
  if (last === undefined) return bounds;
  return direction === 'backwards' ? [last - 1n, bounds[1]] : [bounds[0], last];
}

/** The first of them in the page's direction, each once. */
function inOrder(events: readonly EventRow[], { limit, direction }: PageOptions): EventRow[] {
  const before = direction === 'backwards' ? 1 : -1;
  const byPosition = new Map(events.map((event) => [event.global_position, event]));
  return [...byPosition.values()]
    .sort((a, b) => (a.global_position < b.global_position ? before : -before))
    .slice(0, limit);
}

function matches(event: ArchivedEvent, { bounds, types, categories, streamPrefixes }: PageOptions): boolean {
  const position = BigInt(event.global_position);
  if (position <= bounds[0] || position > bounds[1]) return false;
  if (streamPrefixes && !streamPrefixes.some((prefix) => event.stream_name.startsWith(prefix))) return false;
  return has(types, event.event_type) && has(categories, event.stream_name.split('-', 1)[0] ?? '');
}

function has(wanted: readonly string[] | undefined, value: string): boolean {
  return wanted?.includes(value) ?? true;
}

function toRow(tenant: TenantId, event: ArchivedEvent): EventRow {
  return {
    tenant_id: tenant,
    global_position: BigInt(event.global_position),
    stream_name: event.stream_name as StreamName,
    stream_position: BigInt(event.stream_position),
    event_id: event.event_id,
    event_type: event.event_type,
    data: JSON.parse(event.data) as unknown,
    metadata: JSON.parse(event.metadata) as EventMetadata,
    recorded_at: new Date(event.recorded_at),
  };
}
