// The event store on PostgreSQL: one call an append, reads by keyset pages. The rules live in migrations/0001_event_store.sql.
import { type Database, loadSql } from '@concord/database';
import { EventIdInUse, type GlobalPosition, type RecordedEvent, type StreamName } from '@concord/kernel';
import { currentTenant, type TenantId } from '@concord/tenancy';
import type { Append } from '../append.js';
import { EventStore } from '../event-store.js';
import type {
  AppendResult,
  ArchiveOptions,
  ArchiveReport,
  FeedPage,
  LoadedStream,
  ReadFeedOptions,
  ReadStreamOptions,
  Snapshot,
  TenantHead,
} from '../requests.js';
import type { MetadataWrite, StreamDeletion, StreamMetadataRead } from '../stream-metadata.js';
import { ArchiveReader } from './archive/archive-reader.js';
import { Archiver } from './archive/archiver.js';
import { FileArchive } from './archive/file-archive.js';
import { GroupCommit, lockedValuesOf, type SingleAppend, valuesOf, withData } from './group-commit.js';
import { LockedEnds } from './locked-ends.js';
import { StreamLife } from './stream-life.js';
import { StreamReader } from './stream-reader.js';
import {
  type AppendedRow,
  type EventRow,
  type LoadedRow,
  toAppendResult,
  toLoadedStreams,
  toRecordedEvent,
} from './rows.js';

const sql = {
  append: loadSql(import.meta.url, 'sql/append.sql'),
  appendLockedEvent: loadSql(import.meta.url, 'sql/append-locked-event.sql'),
  appendEvent: loadSql(import.meta.url, 'sql/append-event.sql'),
  lockAndLoad: loadSql(import.meta.url, 'sql/lock-and-load.sql'),
  lockStreams: loadSql(import.meta.url, 'sql/lock-streams.sql'),
  loadStreams: loadSql(import.meta.url, 'sql/load-streams.sql'),
  findEvents: loadSql(import.meta.url, 'sql/find-events.sql'),
  all: loadSql(import.meta.url, 'sql/read-all.sql'),
  categories: loadSql(import.meta.url, 'sql/read-categories.sql'),
  horizon: loadSql(import.meta.url, 'sql/feed-horizon.sql'),
  lastPosition: loadSql(import.meta.url, 'sql/last-position.sql'),
  heads: loadSql(import.meta.url, 'sql/tenant-heads.sql'),
};

const PAGE = 1000;

/** Where archived events are. */
export interface PostgresEventStoreOptions {
  /** The folder of the archive. Every process that reads or archives needs the same one. */
  readonly archiveFolder?: string;
}

/** The event store on PostgreSQL. */
export class PostgresEventStore extends EventStore {
  private readonly groupCommit: GroupCommit;
  private readonly lockedEnds = new LockedEnds();
  private readonly life: StreamLife;

  private readonly archives: ArchiveReader;
  private readonly archiver: Archiver;
  private readonly streams: StreamReader;

  constructor(
    private readonly database: Database,
    { archiveFolder }: PostgresEventStoreOptions = {},
  ) {
    super();
    const archive = archiveFolder === undefined ? undefined : new FileArchive(archiveFolder);
    this.archives = new ArchiveReader(database, archive);
    this.archiver = new Archiver(database, archive);
    this.streams = new StreamReader(database, this.archives);
    this.groupCommit = new GroupCommit(database);
    this.life = new StreamLife(database);
  }

  /**
   * Moves events of the running tenant to files. Streams and the feed go on showing what they showed, only slower. An event
   * id is recognised as a repeat no more once its event is archived. Errors: ArchiveUnavailable, InvalidArgument.
   */
  async archive(options: ArchiveOptions): Promise<ArchiveReport> {
    return this.archiver.run(currentTenant(), options);
  }

  override transaction<T>(work: () => Promise<T>): Promise<T> {
    return this.database.transaction(work);
  }

  override async lockAndLoad(
    streams: readonly StreamName[],
    version: number | null = null,
  ): Promise<Map<StreamName, LoadedStream>> {
    const transaction = this.database.current;
    if (!transaction) throw new Error('lockAndLoad runs inside transaction(), which holds its locks');
    const [only] = streams;
    const rows =
      only && streams.length === 1 ? await this.loadOne(only, version) : await this.loadSeveral(streams, version);
    const loaded = toLoadedStreams(streams, await this.streams.withArchived(currentTenant(), rows));
    for (const [stream, { revision }] of loaded) {
      this.lockedEnds.loaded(transaction, currentTenant(), stream, revision);
    }
    return loaded;
  }

  override async findEvents(ids: readonly string[]): Promise<RecordedEvent[]> {
    const rows = await this.database.query<EventRow>(sql.findEvents, [currentTenant(), ids]);
    return rows.map(toRecordedEvent);
  }

  override async tenantHeads(): Promise<TenantHead[]> {
    const horizon = await this.horizon();
    const rows = await this.database.query<{ tenant_id: TenantId; head: bigint }>(sql.heads, [horizon]);
    return rows.map((row) => ({ tenantId: row.tenant_id, head: row.head }));
  }

  override async lastPosition(): Promise<GlobalPosition> {
    const [row] = await this.database.query<{ position: GlobalPosition }>(sql.lastPosition);
    return row?.position ?? 0n;
  }

  protected override async write(tenant: TenantId, appends: readonly Append[]): Promise<AppendResult[]> {
    return this.announcing(async () => {
      const rows = await this.send(tenant, appends);
      return rows.map((row, index) => toAppendResult(tenant, appends[index], row));
    });
  }

  protected override metadataOf(tenant: TenantId, stream: StreamName): Promise<StreamMetadataRead> {
    return this.life.read(tenant, stream);
  }

  protected override writeMetadata(tenant: TenantId, write: MetadataWrite): Promise<AppendResult> {
    return this.announcing(() => this.life.write(tenant, write));
  }

  protected override remove(tenant: TenantId, deletion: StreamDeletion): Promise<GlobalPosition> {
    const { current } = this.database;
    // The end that was loaded is no longer where an append would go.
    if (current) this.lockedEnds.take(current, tenant, deletion.stream);
    return this.announcing(() => this.life.remove(tenant, deletion));
  }

  protected override streamEvents(
    tenant: TenantId,
    stream: StreamName,
    options: ReadStreamOptions,
  ): AsyncIterable<RecordedEvent> {
    return this.streams.read(tenant, stream, options);
  }

  protected override keepSnapshot(tenant: TenantId, stream: StreamName, snapshot: Snapshot): Promise<void> {
    return this.life.saveSnapshot(tenant, stream, snapshot);
  }

  protected override removeHidden(tenant: TenantId): Promise<number> {
    return this.archiver.scavenge(tenant);
  }

  protected override async feedPage(tenant: TenantId, options: ReadFeedOptions): Promise<FeedPage> {
    const { after = 0n, limit = PAGE, types = null, categories } = options;
    // Two statements, in this order, each with a snapshot of its own: what the horizon settles, the second one sees.
    const horizon = await this.horizon();
    const values = [tenant, after, horizon, limit, types];
    const rows = categories
      ? await this.database.query<EventRow>(sql.categories, [...values, categories])
      : await this.database.query<EventRow>(sql.all, values);
    const full = rows.length === limit;
    const settled = horizon > after ? horizon : after;
    const through = (full && rows.at(-1)?.global_position) || settled;
    const page = await this.archives.complete(tenant, { rows, through }, { ...options, after, limit });
    return { events: page.rows.map(toRecordedEvent), through: page.through };
  }

  private async announcing<T>(append: () => Promise<T>): Promise<T> {
    const running = this.database.current;
    // Before the append is answered: that may be after the commit.
    running?.onCommit(() => this.announceAppend());
    const result = await append();
    if (!running) this.announceAppend();
    return result;
  }

  private async loadOne(stream: StreamName, version: number | null): Promise<LoadedRow[]> {
    const rows = await this.database.query<LoadedRow>(sql.lockAndLoad, [currentTenant(), stream, version]);
    return rows.map((row) => ({ ...row, stream_name: stream }));
  }

  /** Two statements, sent together: one that had waited for the locks would read what was there before the wait. */
  private async loadSeveral(streams: readonly StreamName[], version: number | null): Promise<LoadedRow[]> {
    const values = [currentTenant(), streams];
    const locked = this.database.query(sql.lockStreams, values);
    const [, rows] = await Promise.all([locked, this.database.query<LoadedRow>(sql.loadStreams, [...values, version])]);
    return rows;
  }

  // Up to the first statement nothing is awaited: the caller may let the commit follow at once.
  private async send(tenant: TenantId, appends: readonly Append[]): Promise<AppendedRow[]> {
    const { current } = this.database;
    const ends = current && appends.map(({ stream }) => this.lockedEnds.take(current, tenant, stream));
    const single = singleAppend(tenant, appends);
    if (!single) {
      return this.database.query<AppendedRow>(sql.append, [tenant, `[${appends.map(textOf).join()}]`]);
    }
    if (!ends) return [await this.groupCommit.append(single)];
    const position = positionAfter(ends[0], single.expected);
    if (position !== undefined) {
      const added = await this.database.query<AppendedRow>(sql.appendLockedEvent, lockedValuesOf(single, position));
      if (added.length > 0) return added;
      // The general statement would tell a repeat from another event, but it is too late to ask.
      if (current.hasEnded) throw new EventIdInUse();
    }
    return this.database.query<AppendedRow>(sql.appendEvent, valuesOf(single, true));
  }

  private async horizon(): Promise<GlobalPosition> {
    const [row] = await this.database.query<{ horizon: GlobalPosition }>(sql.horizon);
    return row?.horizon ?? 0n;
  }
}

/** One event for one stream is most of what is appended, and has statements of its own. */
function singleAppend(tenant: TenantId, appends: readonly Append[]): SingleAppend | undefined {
  const [append] = appends;
  const [event] = append?.events ?? [];
  if (!append || !event || appends.length > 1 || append.events.length > 1) return undefined;
  return { tenant, stream: append.stream, expected: append.expected.toString(), ...event };
}

/** An element of what concord.append takes. */
function textOf({ stream, expected, events }: Append): string {
  const texts = events.map(({ data, ...event }) => withData(JSON.stringify(event), data));
  return `${JSON.stringify({ stream, expected: expected.toString() }).slice(0, -1)},"events":[${texts.join()}]}`;
}

/** Where the next event goes when the stream's end is known and is what the writer expects. */
function positionAfter(end: bigint | undefined, expected: string): bigint | undefined {
  if (end === undefined) return undefined;
  return expected === (end < 0n ? 'no-stream' : end.toString()) ? end + 1n : undefined;
}
