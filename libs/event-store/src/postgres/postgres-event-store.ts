// The event store on PostgreSQL: one call an append, reads by keyset pages. The rules live in migrations/0001_event_store.sql.
import { type Database, loadSql, type Transaction } from '@concord/database';
import { EventIdInUse, type GlobalPosition, type RecordedEvent, type StreamName } from '@concord/kernel';
import { observe } from '@concord/telemetry';
import { currentTenant, type TenantId } from '@concord/tenancy';
import type { Append } from '../append.js';
import type { AppendSource } from '../append-listeners.js';
import { EventStore } from '../event-store.js';
import type { LinkTarget } from '../links.js';
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
import type { FencedCommands } from '../fenced-commands.js';
import type { UnlockedCommands } from '../unlocked-commands.js';
import { ArchiveReader } from './archive/archive-reader.js';
import { Archiver } from './archive/archiver.js';
import { FileArchive } from './archive/file-archive.js';
import { FencedCommits } from './fenced-commits.js';
import { readFeedPage, readHorizon } from './feed-pages.js';
import { APPEND_LIMITS, GroupCommit } from './group-commit.js';
import type { LoadStreams } from './group-load.js';
import { LockedEnds } from './locked-ends.js';
import { type AppendedRow, type EventRow, streamOf, toAppendResult, toRecordedEvent } from './rows.js';
import { appendsText, eventValues, streamAppend, type WholeAppend } from './stream-append.js';
import { StreamLife } from './stream-life.js';
import { StreamLoads } from './stream-loads.js';
import { StreamReader } from './stream-reader.js';
import { PostgresFencedCommands } from './postgres-fenced-commands.js';
import { PostgresUnlockedCommands } from './postgres-unlocked-commands.js';

const sql = {
  append: loadSql(import.meta.url, 'sql/append.sql'),
  appendHeldEvent: loadSql(import.meta.url, 'sql/append-held-event.sql'),
  appendLockedEvent: loadSql(import.meta.url, 'sql/append-locked-event.sql'),
  appendEvent: loadSql(import.meta.url, 'sql/append-event.sql'),
  findEvents: loadSql(import.meta.url, 'sql/find-events.sql'),
  lastPosition: loadSql(import.meta.url, 'sql/last-position.sql'),
  heads: loadSql(import.meta.url, 'sql/tenant-heads.sql'),
};

/** Which of eventValues is the expected version. */
const EXPECTED = 2;
/** The channel on which processes tell each other that they have appended. */
const APPENDED = 'concord_appended';

/** Where archived events are. */
export interface PostgresEventStoreOptions {
  /** The folder of the archive. Every process that reads or archives needs the same one. */
  readonly archiveFolder?: string;
  /** See UnlockedCommands.worthFrom; 2: one that is alone is quicker under its lock. */
  readonly unlockedFrom?: number;
  /** How many appends of this process may wait at once; more are refused with StoreUnavailable. 100,000 by default. */
  readonly mostWaiting?: number;
  /** How many characters those may have together, beside one that waits alone. 256 million by default. */
  readonly mostCharactersWaiting?: number;
}

/** The event store on PostgreSQL. */
export class PostgresEventStore extends EventStore {
  override readonly unlocked: UnlockedCommands;
  override readonly fenced: FencedCommands;
  private readonly groupCommit: GroupCommit;
  private readonly lockedEnds = new LockedEnds();
  private readonly fencedCommits: FencedCommits;
  private readonly loads: StreamLoads;
  private readonly life: StreamLife;
  private isListening = false;
  private readonly unobserved: () => void;

  private readonly archives: ArchiveReader;
  private readonly archiver: Archiver;
  private readonly streams: StreamReader;

  constructor(
    private readonly database: Database,
    { archiveFolder, unlockedFrom = 2, ...most }: PostgresEventStoreOptions = {},
  ) {
    super('postgresql');
    const archive = archiveFolder === undefined ? undefined : new FileArchive(archiveFolder);
    this.archives = new ArchiveReader(database, archive);
    this.archiver = new Archiver(database, archive);
    this.streams = new StreamReader(database, this.archives, this.sealing);
    this.groupCommit = new GroupCommit(database, {
      appends: most.mostWaiting ?? APPEND_LIMITS.appends,
      characters: most.mostCharactersWaiting ?? APPEND_LIMITS.characters,
    });
    this.fencedCommits = new FencedCommits(database);
    this.loads = new StreamLoads(database, {
      streams: this.streams,
      sealing: this.sealing,
      upcasts: () => this.upcasts,
    });
    const load: LoadStreams = (streams, version) => this.loads.committed(streams, version);
    this.unlocked = new PostgresUnlockedCommands(database, {
      store: this,
      load,
      check: (request) => this.check(request),
      telemetry: this.telemetry,
      worthFrom: unlockedFrom,
    });
    this.fenced = new PostgresFencedCommands(database, this);
    this.life = new StreamLife(database);
    this.unobserved = observe('concord.feed.hints_connected', (result) =>
      result.observe(Number(database.notifications.isConnected)),
    );
  }

  override close(): Promise<void> {
    this.unobserved();
    return super.close();
  }

  /**
   * Moves events of the running tenant to files. Streams and the feed go on showing what they showed, only slower. An event
   * id is recognised as a repeat no more once its event is archived. Errors: ArchiveUnavailable, InvalidArgument.
   */
  async archive(options: ArchiveOptions): Promise<ArchiveReport> {
    return this.archiver.run(currentTenant(), options);
  }

  override get isInTransaction(): boolean {
    return this.database.current !== undefined;
  }

  override transaction<T>(work: () => Promise<T>): Promise<T> {
    return this.database.transaction(work);
  }

  protected override async lockedLoad(
    streams: readonly StreamName[],
    version: number | null = null,
  ): Promise<Map<StreamName, LoadedStream>> {
    this.database.refuseTentative();
    const transaction = this.database.current;
    if (!transaction) throw new Error('lockAndLoad runs inside transaction(), which holds its locks');
    const loaded = await this.loads.locked(streams, version);
    for (const [stream, { revision }] of loaded) {
      this.lockedEnds.loaded(transaction, currentTenant(), stream, revision);
    }
    return loaded;
  }

  override async findEvents(ids: readonly string[]): Promise<RecordedEvent[]> {
    const tenant = currentTenant();
    const rows = await this.database.query<EventRow>(sql.findEvents, [tenant, ids]);
    await this.sealing.rows(tenant, rows, streamOf);
    return rows.map((row) => this.inPresentForm(toRecordedEvent(row)));
  }

  override async tenantHeads(): Promise<TenantHead[]> {
    const horizon = await readHorizon(this.database);
    const rows = await this.database.query<{ tenant_id: TenantId; head: bigint }>(sql.heads, [horizon]);
    return rows.map((row) => ({ tenantId: row.tenant_id, head: row.head }));
  }

  override async lastPosition(): Promise<GlobalPosition> {
    const [row] = await this.database.query<{ position: GlobalPosition }>(sql.lastPosition);
    return row?.position ?? 0n;
  }

  override onAppended(listener: (source: AppendSource) => void): () => void {
    const stop = super.onAppended(listener);
    // A process that only writes has no use for what others append.
    if (!this.isListening) this.database.notifications.listen(APPENDED, (source) => super.announceAppend(source));
    this.isListening = true;
    return stop;
  }

  /** Outside the transaction that appended: its commit must not wait for those of others. */
  protected override announceAppend(): void {
    this.database.notifications.notify(APPENDED);
  }

  protected override async write(tenant: TenantId, appends: readonly Append[]): Promise<AppendResult[]> {
    this.database.refuseTentative();
    return this.announcing(async () => {
      const rows = await this.telemetry.timed('append', () => this.sendAll(tenant, appends));
      return rows.map((row, index) => toAppendResult(tenant, appends[index], row));
    });
  }

  protected override holdCommit(append: Promise<unknown>): void {
    this.database.current?.hold(append);
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

  protected override async keepSnapshot(tenant: TenantId, stream: StreamName, snapshot: Snapshot): Promise<void> {
    this.database.refuseTentative();
    return this.life.saveSnapshot(tenant, stream, snapshot);
  }

  protected override findTargets(tenant: TenantId, targets: readonly LinkTarget[]): Promise<RecordedEvent[]> {
    return this.streams.find(tenant, targets);
  }

  protected override removeHidden(tenant: TenantId): Promise<number> {
    return this.archiver.scavenge(tenant);
  }

  protected override async feedPage(tenant: TenantId, options: ReadFeedOptions): Promise<FeedPage> {
    return readFeedPage(this.database, this.archives, tenant, options);
  }

  private async announcing<T>(append: () => Promise<T>): Promise<T> {
    const running = this.database.current;
    // Before the append is answered: that may be after the commit.
    running?.onCommit(() => this.announceAppend());
    const result = await append();
    if (!running) this.announceAppend();
    return result;
  }

  private sendAll(tenant: TenantId, requests: readonly WholeAppend[]): Promise<AppendedRow[]> {
    const places = requests[0]?.places;
    if (!places) return this.send(tenant, requests);
    const appends = requests.map((request) => streamAppend(tenant, request));
    return this.fencedCommits.commit(tenant, places, appends);
  }

  // Up to the first statement nothing is awaited: the caller may let the commit follow at once.
  private async send(tenant: TenantId, requests: readonly WholeAppend[]): Promise<AppendedRow[]> {
    const appends = requests.map((request) => streamAppend(tenant, request));
    const { current } = this.database;
    const [first, ...others] = appends;
    const single = others.length === 0 ? first : undefined;
    if (!current && single) return [await this.groupCommit.append(single)];
    const ends = current && appends.map(({ stream }) => this.lockedEnds.take(current, tenant, stream));
    const values = eventValues(single);
    if (current && single && values) return this.sendEvent(current, values, positionAfter(ends?.[0], single.expected));
    return this.database.query<AppendedRow>(sql.append, [tenant, appendsText(appends)]);
  }

  /** One event within a transaction; its `position` is given where the stream's end is known. */
  private async sendEvent(transaction: Transaction, values: unknown[], position?: bigint): Promise<AppendedRow[]> {
    if (position !== undefined) {
      const statement = transaction.keepsLocks ? sql.appendHeldEvent : sql.appendLockedEvent;
      const added = await this.database.query<AppendedRow>(statement, values.with(EXPECTED, position));
      if (added.length > 0) return added;
      // The general statement would tell a repeat from another event, but it is too late to ask.
      if (transaction.hasEnded) throw new EventIdInUse();
    }
    return this.database.query<AppendedRow>(sql.appendEvent, [...values, true]);
  }
}

/** Where the next event goes when the stream's end is known and is what the writer expects. */
function positionAfter(end: bigint | undefined, expected: string): bigint | undefined {
  if (end === undefined) return undefined;
  return expected === (end < 0n ? 'no-stream' : end.toString()) ? end + 1n : undefined;
}
