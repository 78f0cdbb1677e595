// The event store on KurrentDB or EventStoreDB, over @eventstore/db-client 6.2.1. What it cannot do it says and refuses.
// Locks, where there is a Database, are kept there: see docs/adr for what that means.
import { AsyncLocalStorage } from 'node:async_hooks';
import { CommitUnknown, type Database, loadSql } from '@concord/database';
import {
  type GlobalPosition,
  metadataStreamOf,
  NO_REVISION,
  type RecordedEvent,
  type StreamName,
  WrongExpectedVersion,
} from '@concord/kernel';
import { currentTenant, type TenantId } from '@concord/tenancy';
import type { Append } from '../append.js';
import type { AppendSource } from '../append-listeners.js';
import type { StoreCapabilities } from '../capabilities.js';
import { NotSupportedByStore } from '../errors.js';
import { EventStore } from '../event-store.js';
import type { LinkTarget } from '../links.js';
import type {
  AppendResult,
  FeedPage,
  LoadedStream,
  ReadFeedOptions,
  ReadStreamOptions,
  TenantHead,
} from '../requests.js';
import type { MetadataWrite, StreamDeletion, StreamMetadataRead } from '../stream-metadata.js';
import { AllEvents } from './all-events.js';
import { StreamLife } from './stream-life.js';
import { Connection, type Patience } from './connection.js';
import { readFeedPage } from './feed.js';
import { Heads } from './heads.js';
import { KnownStreams } from './known-streams.js';
import { StreamReader } from './stream-reader.js';
import { appendSurely } from './sure-append.js';
import { KurrentTransaction, oneStreamOnly, partOf, recordedEvents, type SeenStream } from './transaction.js';
import { Watch } from './watch.js';
import { wireMetadata, wireName } from './wire-events.js';

/** How a KurrentDB is used. */
export interface KurrentOptions extends Patience {
  /** Keeps locks and how far tenants were looked for. Without it only the expected version guards a stream. */
  readonly database?: Database;
  /** Whether onAppended() tells of what other processes append, too; true by default. */
  readonly hearOthers?: boolean;
}

const CAPABILITIES: StoreCapabilities = {
  multiStreamAppend: false,
  sameTransactionAsReadModels: false,
  findEventsById: false,
  uniqueEventIds: false,
  recordedAnswers: false,
  locksHoldAgainstAppend: false,
  knowsHiddenEnds: false,
  streamLifeInTransaction: false,
  snapshots: false,
  scavenging: false,
};

const lockStreams = loadSql(import.meta.url, '../postgres/sql/lock-streams.sql');

/** The event store on KurrentDB or EventStoreDB. */
export class KurrentEventStore extends EventStore {
  private readonly connection: Connection;
  private readonly streams: StreamReader;
  private readonly known: KnownStreams;
  private readonly life: StreamLife;
  private readonly everything: AllEvents;
  private readonly heads: Heads;
  private readonly watch: Watch | undefined;
  private readonly database: Database | undefined;
  private readonly running = new AsyncLocalStorage<KurrentTransaction>();

  /** Nothing is connected yet. Errors: InvalidArgument for a connection string that is none. */
  constructor(url: string, options: KurrentOptions = {}) {
    super('kurrentdb');
    this.database = options.database;
    this.connection = new Connection(url, options);
    this.streams = new StreamReader(this.connection, this.sealing);
    this.known = new KnownStreams(this.streams);
    this.life = new StreamLife(this.connection);
    this.everything = new AllEvents(this.connection);
    this.heads = new Heads(this.everything, this.database);
    if (options.hearOthers ?? true) this.watch = new Watch(this.connection, () => this.announceAppend('elsewhere'));
  }

  override get capabilities(): StoreCapabilities {
    return CAPABILITIES;
  }

  override async close(): Promise<void> {
    await this.watch?.stop();
    await this.connection.close();
  }

  override onAppended(listener: (source: AppendSource) => void): () => void {
    this.watch?.start();
    return super.onAppended(listener);
  }

  override get isInTransaction(): boolean {
    return this.running.getStore() !== undefined;
  }

  override async transaction<T>(work: () => Promise<T>): Promise<T> {
    if (this.running.getStore()) return work();
    const transaction = new KurrentTransaction();
    const run = async (): Promise<T> => {
      const result = await this.running.run(transaction, work);
      await transaction.added();
      await this.send(transaction);
      return result;
    };
    try {
      // Its locks are held until the append was answered.
      return await (this.database ? this.database.transaction(run) : run());
    } catch (error) {
      if (!transaction.isRecorded) throw error;
      throw new CommitUnknown('the events are recorded, but the transaction beside them failed', {}, { cause: error });
    } finally {
      if (transaction.isRecorded) this.announceAppend();
    }
  }

  protected override async lockedLoad(streams: readonly StreamName[]): Promise<Map<StreamName, LoadedStream>> {
    const transaction = this.running.getStore();
    if (!transaction) throw new Error('lockAndLoad runs inside transaction(), which holds its locks');
    const tenant = currentTenant();
    await this.database?.query(lockStreams, [tenant, streams]);
    const loaded = await Promise.all(
      streams.map(async (stream) => {
        const events = await this.known.load(tenant, stream);
        transaction.saw({ tenant, stream, events });
        const all = [...events, ...transaction.addedTo(tenant, stream)];
        const opened = await this.sealing.events(tenant, all);
        const shown = opened.map((event) => this.inPresentForm(event)).map(({ type, data }) => ({ type, data }));
        const ends = { revision: all.at(-1)?.streamPosition ?? NO_REVISION, first: all[0]?.streamPosition ?? 0n };
        return [stream, { events: shown, ...ends, ...(opened !== all && { holdsPersonal: true }) }] as const;
      }),
    );
    return new Map(loaded);
  }

  override async findEvents(ids: readonly string[], within?: readonly StreamName[]): Promise<RecordedEvent[]> {
    if (!within) throw new NotSupportedByStore('KurrentDB finds no event by its id: say in which streams to look');
    const tenant = currentTenant();
    const wanted = new Set(ids.map((id) => id.toLowerCase()));
    const find = async (stream: StreamName): Promise<RecordedEvent[]> =>
      (await this.known.find(tenant, stream, wanted)) ?? this.streams.find(tenant, stream, wanted);
    const found = await Promise.all(within.map(find));
    return (await this.sealing.events(tenant, found.flat())).map((event) => this.inPresentForm(event));
  }

  override tenantHeads(): Promise<TenantHead[]> {
    return this.heads.all();
  }

  override async lastPosition(): Promise<GlobalPosition> {
    const [last] = await this.connection.readAll({ backwards: true, limit: 1 });
    return last?.position ?? 0n;
  }

  protected override async write(tenant: TenantId, appends: readonly Append[]): Promise<AppendResult[]> {
    const [append] = appends;
    if (!append || appends.length > 1) throw oneStreamOnly();
    const transaction = this.running.getStore();
    if (!transaction) {
      const events = await this.record(tenant, append);
      this.announceAppend();
      const { streamPosition, globalPosition } = events.at(-1) as RecordedEvent;
      return [{ stream: append.stream, revision: streamPosition, globalPosition, events }];
    }
    const adding = this.addTo(transaction, tenant, append);
    transaction.adding(adding);
    return [await adding];
  }

  protected override streamEvents(
    tenant: TenantId,
    stream: StreamName,
    options: ReadStreamOptions,
  ): AsyncIterable<RecordedEvent> {
    // What the transaction has added counts from the moment of reading.
    const begin = (): AsyncIterator<RecordedEvent> => {
      const added = this.running.getStore()?.addedTo(tenant, stream) ?? [];
      return added.length === 0
        ? this.streams.readOpened(tenant, stream, options)
        : this.withAdded({ tenant, stream, events: added }, options);
    };
    return { [Symbol.asyncIterator]: begin };
  }

  private async *withAdded(
    { tenant, stream, events: added }: SeenStream,
    options: ReadStreamOptions,
  ): AsyncGenerator<RecordedEvent> {
    const recorded = await Array.fromAsync(this.streams.read(tenant, stream));
    yield* await this.sealing.events(tenant, partOf([...recorded, ...added], options));
  }

  protected override holdCommit(append: Promise<unknown>): void {
    this.running.getStore()?.adding(append);
  }

  protected override metadataOf(tenant: TenantId, stream: StreamName): Promise<StreamMetadataRead> {
    return this.life.metadataOf(tenant, stream);
  }

  protected override async writeMetadata(tenant: TenantId, write: MetadataWrite): Promise<AppendResult> {
    this.assertOutsideTransaction();
    const { stream, expected, event, deleting } = write;
    const data = deleting ? this.life.deletingText(event.data as Readonly<Record<string, unknown>>) : event.data;
    const append = { stream: metadataStreamOf(stream), expected, events: [{ ...event, data }] };
    const [result] = await this.write(tenant, [append]);
    return result as AppendResult;
  }

  protected override async remove(tenant: TenantId, deletion: StreamDeletion): Promise<GlobalPosition> {
    this.assertOutsideTransaction();
    const position = await this.life.remove(tenant, deletion);
    this.announceAppend();
    return position;
  }

  /** Not kept: an aggregate is loaded whole, which is slower and as right. */
  protected override keepSnapshot(): Promise<void> {
    return Promise.resolve();
  }

  protected override async findTargets(
    tenant: TenantId,
    targets: readonly LinkTarget[],
  ): Promise<readonly RecordedEvent[]> {
    const found = await Promise.all(targets.map(({ stream, position }) => this.streams.at(tenant, stream, position)));
    return this.sealing.events(
      tenant,
      found.filter((event) => event !== undefined),
    );
  }

  protected override removeHidden(): Promise<number> {
    return Promise.reject(new NotSupportedByStore('KurrentDB is scavenged by its own operation, not by its clients'));
  }

  private assertOutsideTransaction(): void {
    if (!this.running.getStore()) return;
    throw new NotSupportedByStore('KurrentDB changes the life of a stream at once: do it outside transaction()');
  }

  protected override feedPage(tenant: TenantId, options: ReadFeedOptions): Promise<FeedPage> {
    return readFeedPage({ connection: this.connection, all: this.everything }, tenant, options);
  }

  private async addTo(transaction: KurrentTransaction, tenant: TenantId, append: Append): Promise<AppendResult> {
    const { stream } = append;
    if (!transaction.knows(tenant, stream)) {
      const last = await Array.fromAsync(this.streams.read(tenant, stream, { direction: 'backwards', limit: 1 }));
      transaction.saw({ tenant, stream, events: last });
    }
    return transaction.add(tenant, append);
  }

  private async send(transaction: KurrentTransaction): Promise<void> {
    const { decided } = transaction;
    if (!decided) return;
    try {
      const { tenant, append } = decided;
      transaction.recorded(await this.telemetry.commit(append.stream, () => this.record(tenant, append)));
    } catch (error) {
      throw error instanceof WrongExpectedVersion ? transaction.conflict(error) : error;
    }
  }

  /** Appends, and answers the events as they were recorded. */
  private record(tenant: TenantId, append: Append): Promise<RecordedEvent[]> {
    return this.telemetry.timed('append', () => this.recordNow(tenant, append));
  }

  private async recordNow(tenant: TenantId, append: Append): Promise<RecordedEvent[]> {
    const { stream, expected } = append;
    const events = append.events.map((event) => ({ ...event, metadata: wireMetadata(event.metadata) }));
    const appended = await appendSurely(this.connection, { name: wireName(tenant, stream), stream, expected, events });
    if (events.length === 1) return recordedEvents(tenant, append, appended);
    // The answer has one position, and servers differ in whose it is.
    const from = appended.revision - BigInt(events.length - 1);
    return Array.fromAsync(this.streams.read(tenant, stream, { from, limit: events.length }));
  }
}
