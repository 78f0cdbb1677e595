// Archived events for whoever hands them on as they were stored: payloads as texts. Always asked after the table was read:
// whatever had left the table by then is in the manifest.
import { type Database, loadSql } from '@concord/database';
import type { GlobalPosition, StreamPosition } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { StoredEvent, StoredEventFilter, StoredRange } from '../stored-event.js';
import { ArchivedEvents } from './archived-events.js';
import { type ArchivedEvent, type ArchiveFile, FileArchive } from './file-archive.js';

const sql = {
  ofStream: loadSql(import.meta.url, '../sql/archives-of-stream.sql'),
  ofFeed: loadSql(import.meta.url, '../sql/archives-of-feed.sql'),
};

type StreamFile = ArchiveFile & {
  readonly first: StreamPosition;
  readonly first_position: StreamPosition;
  readonly last_position: StreamPosition;
};

export type FeedFile = ArchiveFile & {
  readonly first_position: GlobalPosition;
  readonly last_position: GlobalPosition;
};

/** Part of a stream, both ends included; the first of them in the direction of reading. */
export interface StreamPart {
  readonly from: StreamPosition;
  readonly to: StreamPosition;
  readonly backwards: boolean;
  readonly limit: number;
}

/** What is wanted of the feed. */
export interface StoredFeedPart {
  readonly range: StoredRange;
  readonly backwards: boolean;
  readonly filter: StoredEventFilter;
}

export class StoredArchive {
  private readonly archived: ArchivedEvents;

  constructor(
    private readonly database: Database,
    folder: string | undefined,
  ) {
    const archive = folder === undefined ? undefined : new FileArchive(folder);
    const missing = 'give the archive folder (the server: EVENTSTORE_ARCHIVE), or begin after them';
    this.archived = new ArchivedEvents(database, archive, missing);
  }

  /** What a stream shows of its archived events. Errors: ArchiveUnavailable. */
  async ofStream(tenant: TenantId, stream: string, part: StreamPart): Promise<StoredEvent[]> {
    const { backwards, limit } = part;
    const events: StoredEvent[] = [];
    for (let { from, to } = part; from <= to && events.length < limit;) {
      const values = [tenant, stream, from, to, backwards ? -1 : 1];
      const [file] = await this.database.query<StreamFile>(sql.ofStream, values);
      if (!file) break;
      const found = await this.archived.of(tenant, file);
      // Its events are in another file by now.
      if (!found) continue;
      const own = found.filter((event) => event.stream_name === stream && isWithin(event, file.first, to));
      events.push(...(backwards ? own.toReversed() : own).map(toStored));
      if (backwards) to = file.first_position - 1n;
      else from = file.last_position + 1n;
    }
    return events.slice(0, limit);
  }

  /** Which files reach into a part of the feed. */
  filesOf(tenant: TenantId, { from, to }: StoredRange): Promise<FeedFile[]> {
    return this.database.query<FeedFile>(sql.ofFeed, [tenant, from - 1n, to]);
  }

  /**
   * The first archived events of a part of the feed, of a category and type, in the direction of reading. Undefined when one
   * of the files has gone meanwhile.
   */
  async ofFeed(
    tenant: TenantId,
    files: readonly FeedFile[],
    { range, backwards, filter }: StoredFeedPart,
  ): Promise<readonly ArchivedEvent[] | undefined> {
    const ordered = backwards ? files.toSorted((a, b) => (a.last_position > b.last_position ? -1 : 1)) : files;
    let events: ArchivedEvent[] = [];
    for (const file of ordered) {
      const last = events[range.limit - 1];
      // What is in this file comes after all that is wanted, and so it is with the files after it.
      if (last && isBeyond(BigInt(last.global_position), file, backwards)) break;
      const found = await this.archived.of(tenant, file);
      if (!found) return undefined;
      events.push(...found.filter((event) => matches(event, range, filter)));
      events = inOrder(events, backwards).slice(0, range.limit);
    }
    return events;
  }
}

function isWithin({ stream_position }: ArchivedEvent, from: StreamPosition, to: StreamPosition): boolean {
  const position = BigInt(stream_position);
  return position >= from && position <= to;
}

function isBeyond(last: GlobalPosition, file: FeedFile, backwards: boolean): boolean {
  return backwards ? last > file.last_position : last < file.first_position;
}

function inOrder(events: ArchivedEvent[], backwards: boolean): ArchivedEvent[] {
  const before = backwards ? 1 : -1;
  return events.sort((a, b) => (BigInt(a.global_position) < BigInt(b.global_position) ? before : -before));
}

function matches(event: ArchivedEvent, { from, to }: StoredRange, { category, type }: StoredEventFilter): boolean {
  const position = BigInt(event.global_position);
  if (position < from || position > to) return false;
  const ofCategory = category === undefined || event.stream_name.startsWith(`${category}-`);
  return ofCategory && (type === undefined || event.event_type === type);
}

function toStored(event: ArchivedEvent): StoredEvent {
  return {
    event_id: event.event_id,
    event_type: event.event_type,
    stream_name: event.stream_name,
    stream_position: BigInt(event.stream_position),
    global_position: BigInt(event.global_position),
    ticks: ticksOf(event.recorded_at),
    data: event.data,
    metadata: event.metadata,
  };
}

/** From a time with up to six digits after the second. */
function ticksOf(time: string): bigint {
  const [, second = '', fraction = '', zone = ''] = /^(.{19})(?:\.(\d+))?(.*)$/.exec(time) ?? [];
  return BigInt(Date.parse(second + zone)) * 10_000n + BigInt(fraction.padEnd(7, '0'));
}
