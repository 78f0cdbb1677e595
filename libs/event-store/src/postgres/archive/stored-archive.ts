// Archived events for whoever hands them on as they were stored: payloads as texts. Always asked after the table was read:
// whatever had left the table by then is in the manifest.
import { type Database, loadSql } from '@concord/database';
import type { GlobalPosition, StreamPosition } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { StoredEvent, StoredEventFilter, StoredRange } from '../stored-event.js';
import { type ArchivedEvent, type ArchiveFile, ArchiveUnavailable, FileArchive } from './file-archive.js';

const sql = {
  ofStream: loadSql(import.meta.url, '../sql/archives-of-stream.sql'),
  ofFeed: loadSql(import.meta.url, '../sql/archives-of-feed.sql'),
};

type StreamFile = ArchiveFile & { readonly first: StreamPosition };
type FeedFile = ArchiveFile & { readonly first_position: GlobalPosition; readonly last_position: GlobalPosition };

/** Part of a stream, both ends included; the first of them in the direction of reading. */
export interface StreamPart {
  readonly from: StreamPosition;
  readonly to: StreamPosition;
  readonly backwards: boolean;
  readonly limit: number;
}

export class StoredArchive {
  private readonly archive: FileArchive | undefined;

  constructor(
    private readonly database: Database,
    folder: string | undefined,
  ) {
    this.archive = folder === undefined ? undefined : new FileArchive(folder);
  }

  /** What a stream shows of its archived events. Errors: ArchiveUnavailable. */
  async ofStream(tenant: TenantId, stream: string, part: StreamPart): Promise<StoredEvent[]> {
    const files = await this.database.query<StreamFile>(sql.ofStream, [tenant, stream, part.from, part.to]);
    const events: StoredEvent[] = [];
    for (const file of part.backwards ? files.toReversed() : files) {
      if (events.length >= part.limit) break;
      const own = (await this.eventsOf(file)).filter(
        ({ stream_name, stream_position }) =>
          stream_name === stream && BigInt(stream_position) >= file.first && BigInt(stream_position) <= part.to,
      );
      events.push(...(part.backwards ? own.toReversed() : own).map(toStored));
    }
    return events.slice(0, part.limit);
  }

  /** Which files reach into a part of the feed. */
  filesOf(tenant: TenantId, { from, to }: StoredRange): Promise<FeedFile[]> {
    return this.database.query<FeedFile>(sql.ofFeed, [tenant, from - 1n, to]);
  }

  /** The first archived events of a part of the feed, of a category and type, in the direction of reading. */
  async ofFeed(
    files: readonly FeedFile[],
    range: StoredRange,
    backwards: boolean,
    filter: StoredEventFilter,
  ): Promise<readonly ArchivedEvent[]> {
    const ordered = backwards ? files.toSorted((a, b) => (a.last_position > b.last_position ? -1 : 1)) : files;
    let events: ArchivedEvent[] = [];
    for (const file of ordered) {
      const last = events[range.limit - 1];
      // What is in this file comes after all that is wanted, and so it is with the files after it.
      if (last && isBeyond(BigInt(last.global_position), file, backwards)) break;
      events.push(...(await this.eventsOf(file)).filter((event) => matches(event, range, filter)));
      events = inOrder(events, backwards).slice(0, range.limit);
    }
    return events;
  }

  private eventsOf(file: ArchiveFile): Promise<readonly ArchivedEvent[]> {
    if (this.archive) return this.archive.events(file);
    throw new ArchiveUnavailable(
      'events of this range are archived: give the archive folder (the server: EVENTSTORE_ARCHIVE), or begin after them',
    );
  }
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
