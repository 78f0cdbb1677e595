// Reads archived events back where a stream or the feed reaches into them. Always asked after the table was read: whatever
// had left the table by then is in the manifest.
import { type Database, loadSql } from '@concord/database';
import type { EventMetadata, GlobalPosition, StreamName, StreamPosition } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { ReadFeedOptions } from '../../requests.js';
import type { EventRow } from '../rows.js';
import { type ArchivedEvent, type ArchiveFile, ArchiveUnavailable, type FileArchive } from './file-archive.js';

const sql = {
  ofStream: loadSql(import.meta.url, '../sql/archives-of-stream.sql'),
  ofFeed: loadSql(import.meta.url, '../sql/archives-of-feed.sql'),
  through: loadSql(import.meta.url, '../sql/archived-through.sql'),
};

export class ArchiveReader {
  constructor(
    private readonly database: Database,
    private readonly archive: FileArchive | undefined,
  ) {}

  /** What a stream shows of its archived events between two positions, both included, oldest first. */
  async ofStream(
    tenant: TenantId,
    stream: StreamName,
    range: { from: StreamPosition; to: StreamPosition },
  ): Promise<EventRow[]> {
    const values = [tenant, stream, range.from, range.to];
    const files = await this.database.query<ArchiveFile & { first: StreamPosition }>(sql.ofStream, values);
    const events: EventRow[] = [];
    for (const file of files) {
      for (const event of await this.eventsOf(file)) {
        if (event.stream_name !== stream) continue;
        const position = BigInt(event.stream_position);
        if (position >= file.first && position <= range.to) events.push(toRow(tenant, event));
      }
    }
    return events;
  }

  /** A page of the feed, with what is archived between its events. */
  async complete(tenant: TenantId, page: Page, options: FeedOptions): Promise<Page> {
    const archived = page.rows[0] ? page.rows[0].archived_through : await this.through(tenant);
    if ((archived ?? 0n) <= options.after) return page;
    const rows = inOrder([...page.rows, ...(await this.ofFeed(tenant, page.through, options))], options.limit);
    const full = rows.length === options.limit;
    return { rows, through: (full && rows.at(-1)?.global_position) || page.through };
  }

  private async through(tenant: TenantId): Promise<GlobalPosition | null | undefined> {
    const [row] = await this.database.query<{ position: GlobalPosition | null }>(sql.through, [tenant]);
    return row?.position;
  }

  /** The first archived events that match, up to a position, in order. Files may overlap. */
  private async ofFeed(tenant: TenantId, upTo: GlobalPosition, options: FeedOptions): Promise<EventRow[]> {
    const { after, limit } = options;
    type Row = ArchiveFile & { first_position: GlobalPosition };
    const files = await this.database.query<Row>(sql.ofFeed, [tenant, after, upTo]);
    let events: EventRow[] = [];
    for (const file of files) {
      const last = events[limit - 1];
      if (last && last.global_position < file.first_position) break;
      const matching = (await this.eventsOf(file)).filter((event) => matches(event, upTo, options));
      events = inOrder([...events, ...matching.map((event) => toRow(tenant, event))], limit);
    }
    return events;
  }

  private eventsOf(file: ArchiveFile): Promise<readonly ArchivedEvent[]> {
    if (this.archive) return this.archive.events(file);
    throw new ArchiveUnavailable('events of this range are archived: give the store its archive folder');
  }
}

interface Page {
  readonly rows: readonly EventRow[];
  readonly through: GlobalPosition;
}

type FeedOptions = ReadFeedOptions & Required<Pick<ReadFeedOptions, 'after' | 'limit'>>;

/** The first of them by global position, each once. */
function inOrder(events: readonly EventRow[], limit: number): EventRow[] {
  const byPosition = new Map(events.map((event) => [event.global_position, event]));
  return [...byPosition.values()].sort((a, b) => (a.global_position < b.global_position ? -1 : 1)).slice(0, limit);
}

function matches(event: ArchivedEvent, upTo: GlobalPosition, { after, types, categories }: FeedOptions): boolean {
  const position = BigInt(event.global_position);
  const category = event.stream_name.slice(0, event.stream_name.indexOf('-'));
  return (
    position > after &&
    position <= upTo &&
    (types?.includes(event.event_type) ?? true) &&
    (categories?.includes(category) ?? true)
  );
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
