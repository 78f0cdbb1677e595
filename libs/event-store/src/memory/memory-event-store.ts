// The event store in memory, for unit tests only: the same contract, nothing survives the process.
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  EventIdInUse,
  type GlobalPosition,
  metadataStreamOf,
  NO_REVISION,
  type RecordedEvent,
  type StreamName,
  type StreamPosition,
  WrongExpectedVersion,
} from '@concord/kernel';
import { currentTenant, type TenantId } from '@concord/tenancy';
import type { Append } from '../append.js';
import { EventStore } from '../event-store.js';
import type { LinkTarget } from '../links.js';
import { isWanted, readThrough } from '../read-feed.js';
import type {
  AppendResult,
  FeedPage,
  LoadedStream,
  ReadFeedOptions,
  ReadStreamOptions,
  Snapshot,
  TenantHead,
} from '../requests.js';
import {
  METADATA_EVENT,
  type MetadataWrite,
  type StreamDeletion,
  type StreamMetadataRead,
  TOMBSTONE_EVENT,
  TOMBSTONE_POSITION,
} from '../stream-metadata.js';
import { isSame, record, result } from './recording.js';
import { Snapshots } from './snapshots.js';
import { StreamLog } from './stream-log.js';

type Log = readonly RecordedEvent[];

/** The running transaction: what it sees, and what is done once it has committed. */
interface Running {
  log: Log;
  readonly afterwards: (() => void)[];
  /** Appends that wait for a key. */
  readonly held: Promise<unknown>[];
  /** Of an append, which ends the transaction even when nobody has waited for it. */
  failure?: Error;
}

/** The event store in memory, for unit tests only. */
export class MemoryEventStore extends EventStore {
  private committed: Log = [];
  private tail: Promise<unknown> = Promise.resolve();
  /** By the id of the metadata event that deleted a stream: where the stream ended. */
  private readonly deletions = new Map<string, StreamPosition>();
  private readonly running = new AsyncLocalStorage<Running>();

  private readonly snapshots = new Snapshots();

  constructor() {
    super('memory');
  }

  override get isInTransaction(): boolean {
    return this.running.getStore() !== undefined;
  }

  /** One transaction at a time: what it appends is seen by others only when `work` has succeeded. */
  override transaction<T>(work: () => Promise<T>): Promise<T> {
    if (this.running.getStore()) return work();
    const turn = this.tail.then(async () => {
      const own: Running = { log: this.committed, afterwards: [], held: [] };
      const result = await this.running.run(own, work);
      await Promise.all(own.held);
      if (own.failure) throw own.failure;
      const appended = own.log !== this.committed;
      this.committed = own.log;
      for (const work of own.afterwards) work();
      if (appended) this.announceAppend();
      return result;
    });
    this.tail = turn.catch(() => undefined);
    return turn;
  }

  protected override async lockedLoad(
    streams: readonly StreamName[],
    version?: number,
  ): Promise<Map<StreamName, LoadedStream>> {
    if (!this.running.getStore()) throw new Error('lockAndLoad runs inside transaction(), which holds its locks');
    const tenant = currentTenant();
    return new Map(await Promise.all(streams.map((stream) => this.loaded(tenant, stream, version))));
  }

  override async findEvents(ids: readonly string[]): Promise<RecordedEvent[]> {
    const tenant = currentTenant();
    const wanted = new Set(ids.map((id) => id.toLowerCase()));
    const found = this.log.filter((event) => event.metadata.tenantId === tenant && wanted.has(event.id));
    const opened = await this.sealing.events(tenant, found);
    return opened.map((event) => this.inPresentForm(event));
  }

  override tenantHeads(): Promise<TenantHead[]> {
    const heads = new Map(this.committed.map((event) => [event.metadata.tenantId, event.globalPosition]));
    return Promise.resolve([...heads].map(([tenantId, head]) => ({ tenantId, head })));
  }

  override lastPosition(): Promise<GlobalPosition> {
    return Promise.resolve(this.committed.at(-1)?.globalPosition ?? 0n);
  }

  protected override write(tenant: TenantId, appends: readonly Append[]): Promise<AppendResult[]> {
    const write = (own: Running): AppendResult[] => {
      const results = appends.map((append) => this.appendTo(own, tenant, append));
      const added = results.filter(({ events }) => events.length > 0);
      if (added.length > 0 && added.length < results.length) throw new EventIdInUse();
      return results;
    };
    return this.telemetry.timed('append', () => this.changing(write));
  }

  protected override holdCommit(append: Promise<unknown>): void {
    append.catch(() => undefined);
    this.running.getStore()?.held.push(append);
  }

  protected override async metadataOf(tenant: TenantId, stream: StreamName): Promise<StreamMetadataRead> {
    return this.stream(tenant, stream).metadata;
  }

  protected override writeMetadata(tenant: TenantId, write: MetadataWrite): Promise<AppendResult> {
    return this.changing((own) => {
      const { stream, event, deleting, expected } = write;
      const log = this.stream(tenant, stream);
      log.assertWithoutTombstone();
      if (deleting) own.afterwards.push(() => this.snapshots.delete(tenant, stream));
      const data = deleting ? { ...(event.data as object), $tb: Number(log.end + 1n) } : event.data;
      const append = { stream: metadataStreamOf(stream), expected, events: [{ ...event, data }] };
      const written = this.appendTo(own, tenant, append);
      if (deleting && written.events.length > 0) this.deletions.set(event.id.toLowerCase(), log.end);
      return written;
    });
  }

  protected override remove(tenant: TenantId, deletion: StreamDeletion): Promise<GlobalPosition> {
    const { stream, expected, forGood, id, metadata } = deletion;
    return this.changing(async (own) => {
      const log = this.stream(tenant, stream);
      assertExpected(log, stream, expected);
      if (!forGood) {
        const data = this.recordsOf(tenant, metadataStreamOf(stream)).at(-1)?.data ?? {};
        const event = { id, type: METADATA_EVENT, data, metadata };
        return (await this.writeMetadata(tenant, { stream, expected: 'any', event, deleting: true })).globalPosition;
      }
      own.afterwards.push(() => this.snapshots.delete(tenant, stream));
      const globalPosition = (own.log.at(-1)?.globalPosition ?? 0n) + 1n;
      const place = { tenant, stream, actual: TOMBSTONE_POSITION - 1n, start: globalPosition - 1n, index: 0 };
      own.log = [...own.log, record({ id, type: TOMBSTONE_EVENT, data: {}, metadata }, place)];
      return globalPosition;
    });
  }

  protected override async *streamEvents(
    tenant: TenantId,
    stream: StreamName,
    options: ReadStreamOptions,
  ): AsyncGenerator<RecordedEvent> {
    const { from, limit = Number.POSITIVE_INFINITY, direction = 'forwards' } = options;
    const events = this.stream(tenant, stream).shown;
    if (direction === 'backwards') events.reverse();
    let left = limit;
    for (const event of events) {
      const before =
        from !== undefined && (direction === 'forwards' ? event.streamPosition < from : event.streamPosition > from);
      if (before) continue;
      if (left-- <= 0) return;
      yield* await this.sealing.events(tenant, [event]);
    }
  }

  protected override async keepSnapshot(tenant: TenantId, stream: StreamName, snapshot: Snapshot): Promise<void> {
    const own = this.running.getStore();
    if (own) own.afterwards.push(() => this.snapshots.save(tenant, stream, snapshot));
    else this.snapshots.save(tenant, stream, snapshot);
  }

  protected override findTargets(tenant: TenantId, targets: readonly LinkTarget[]): Promise<readonly RecordedEvent[]> {
    const found = targets.flatMap(({ stream, position }) => this.stream(tenant, stream).find(position) ?? []);
    return this.sealing.events(tenant, found);
  }

  protected override removeHidden(tenant: TenantId): Promise<number> {
    return this.changing((own) => {
      const kept = new Set<RecordedEvent>();
      const ofTenant = own.log.filter((event) => event.metadata.tenantId === tenant);
      for (const name of new Set(ofTenant.map((event) => event.stream))) {
        for (const event of this.stream(tenant, name).left) kept.add(event);
      }
      const before = own.log.length;
      own.log = own.log.filter((event) => event.metadata.tenantId !== tenant || kept.has(event));
      return before - own.log.length;
    });
  }

  protected override feedPage(tenant: TenantId, options: ReadFeedOptions): Promise<FeedPage> {
    const { limit = 1000, direction } = options;
    const matching = this.committed.filter((event) => event.metadata.tenantId === tenant && isWanted(event, options));
    if (direction === 'backwards') matching.reverse();
    const events = matching.slice(0, limit);
    const last = events.length === limit ? events.at(-1)?.globalPosition : undefined;
    const through = readThrough(options, this.committed.at(-1)?.globalPosition ?? 0n, last);
    return Promise.resolve({ events, through, settled: through });
  }

  private async loaded(tenant: TenantId, stream: StreamName, version?: number): Promise<[StreamName, LoadedStream]> {
    const loaded = this.stream(tenant, stream).load(this.snapshots.find(tenant, stream, version));
    const opened = await this.sealing.events(tenant, loaded.events);
    const personal = opened !== loaded.events && { holdsPersonal: true };
    return [stream, { ...loaded, ...personal, events: opened.map((event) => this.inPresentForm(event)) }];
  }

  private get log(): Log {
    return this.running.getStore()?.log ?? this.committed;
  }

  /** In a transaction, in which what `change` appended is taken back when it throws. */
  private changing<T>(change: (own: Running) => T | Promise<T>): Promise<T> {
    return this.transaction(async () => {
      const own = this.running.getStore();
      if (!own) throw new Error('unreachable: transaction() has just set it');
      const before = own.log;
      try {
        return await change(own);
      } catch (error) {
        own.log = before;
        own.failure ??= error as Error;
        throw error;
      }
    });
  }

  private stream(tenant: TenantId, stream: StreamName): StreamLog {
    const metadata = this.recordsOf(tenant, metadataStreamOf(stream)).at(-1);
    return new StreamLog(stream, this.recordsOf(tenant, stream), metadata, this.deletions.get(metadata?.id ?? ''));
  }

  private recordsOf(tenant: TenantId, stream: StreamName): RecordedEvent[] {
    return this.log.filter((event) => event.stream === stream && event.metadata.tenantId === tenant);
  }

  private appendTo(own: Running, tenant: TenantId, append: Append): AppendResult {
    const stored = append.events.map((event) =>
      this.log.find((e) => e.id === event.id.toLowerCase() && e.metadata.tenantId === tenant),
    );
    const { stream } = append;
    if (stored.every((event, index) => event && isSame(event, stream, append.events[index]))) {
      return result(stream, stored.at(-1), []);
    }
    const log = this.stream(tenant, stream);
    assertExpected(log, stream, append.expected);
    if (stored.some((event) => event)) throw new EventIdInUse();
    const start = this.log.at(-1)?.globalPosition ?? 0n;
    const recorded = append.events.map((event, index) =>
      record(event, { tenant, stream, actual: log.end, start, index }),
    );
    own.log = [...own.log, ...recorded];
    return result(stream, recorded.at(-1), recorded);
  }
}

/** For whom a softly deleted stream should exist, it does not. Errors: StreamDeleted, WrongExpectedVersion. */
function assertExpected(log: StreamLog, stream: StreamName, expected: Append['expected']): void {
  log.assertWithoutTombstone();
  const actual = expected === 'stream-exists' ? NO_REVISION : log.end;
  if (!log.meets(expected)) throw new WrongExpectedVersion(stream, expected, actual);
}
