// The event store in memory, for unit tests only: the same contract, nothing survives the process.
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type DomainEvent,
  EventIdInUse,
  type GlobalPosition,
  NO_REVISION,
  type RecordedEvent,
  type StreamName,
  WrongExpectedVersion,
} from '@concord/kernel';
import { currentTenant, type TenantId } from '@concord/tenancy';
import type { Append } from '../append.js';
import { EventStore } from '../event-store.js';
import type { AppendResult, FeedPage, ReadFeedOptions, ReadStreamOptions, TenantHead } from '../requests.js';

type Log = readonly RecordedEvent[];

interface Running {
  log: Log;
  /** Of an append, which ends the transaction even when nobody has waited for it. */
  failure?: Error;
}

/** The event store in memory, for unit tests only. */
export class MemoryEventStore extends EventStore {
  private committed: Log = [];
  private tail: Promise<unknown> = Promise.resolve();
  private readonly running = new AsyncLocalStorage<Running>();

  /** One transaction at a time: what it appends is seen by others only when `work` has succeeded. */
  override transaction<T>(work: () => Promise<T>): Promise<T> {
    if (this.running.getStore()) return work();
    const turn = this.tail.then(async () => {
      const own: Running = { log: this.committed };
      const result = await this.running.run(own, work);
      if (own.failure) throw own.failure;
      const appended = own.log !== this.committed;
      this.committed = own.log;
      if (appended) this.announceAppend();
      return result;
    });
    this.tail = turn.catch(() => undefined);
    return turn;
  }

  override lockAndLoad(streams: readonly StreamName[]): Promise<Map<StreamName, DomainEvent[]>> {
    if (!this.running.getStore()) throw new Error('lockAndLoad runs inside transaction(), which holds its locks');
    return Promise.resolve(new Map(streams.map((stream) => [stream, this.eventsOf(currentTenant(), stream)])));
  }

  override findEvents(ids: readonly string[]): Promise<RecordedEvent[]> {
    const tenant = currentTenant();
    return Promise.resolve(this.log.filter((event) => event.metadata.tenantId === tenant && ids.includes(event.id)));
  }

  override tenantHeads(): Promise<TenantHead[]> {
    const heads = new Map(this.committed.map((event) => [event.metadata.tenantId, event.globalPosition]));
    return Promise.resolve([...heads].map(([tenantId, head]) => ({ tenantId, head })));
  }

  override lastPosition(): Promise<GlobalPosition> {
    return Promise.resolve(this.committed.at(-1)?.globalPosition ?? 0n);
  }

  protected override write(tenant: TenantId, appends: readonly Append[]): Promise<AppendResult[]> {
    return this.transaction(async () => {
      const own = this.running.getStore();
      if (!own) throw new Error('unreachable: transaction() has just set it');
      const before = own.log;
      try {
        const results = appends.map((append) => this.appendTo(own, tenant, append));
        const added = results.filter(({ events }) => events.length > 0);
        if (added.length > 0 && added.length < results.length) throw new EventIdInUse();
        return results;
      } catch (error) {
        own.log = before;
        own.failure ??= error as Error;
        throw error;
      }
    });
  }

  protected override async *streamEvents(
    tenant: TenantId,
    stream: StreamName,
    options: ReadStreamOptions,
  ): AsyncGenerator<RecordedEvent> {
    const { from, limit = Number.POSITIVE_INFINITY, direction = 'forwards' } = options;
    const events = this.eventsOf(tenant, stream);
    if (direction === 'backwards') events.reverse();
    let left = limit;
    for (const event of events) {
      const before =
        from !== undefined && (direction === 'forwards' ? event.streamPosition < from : event.streamPosition > from);
      if (before) continue;
      if (left-- <= 0) return;
      yield await Promise.resolve(event);
    }
  }

  protected override feedPage(tenant: TenantId, options: ReadFeedOptions): Promise<FeedPage> {
    const { after = 0n, limit = 1000, categories, types } = options;
    const wanted = (event: RecordedEvent): boolean =>
      event.metadata.tenantId === tenant &&
      event.globalPosition > after &&
      (categories?.includes(categoryOf(event.stream)) ?? true) &&
      (types?.includes(event.type) ?? true);
    const events = this.committed.filter(wanted).slice(0, limit);
    const end = this.committed.at(-1)?.globalPosition ?? 0n;
    const settled = end > after ? end : after;
    return Promise.resolve({ events, through: (events.length === limit && events.at(-1)?.globalPosition) || settled });
  }

  private get log(): Log {
    return this.running.getStore()?.log ?? this.committed;
  }

  private eventsOf(tenant: TenantId, stream: StreamName): RecordedEvent[] {
    return this.log.filter((event) => event.stream === stream && event.metadata.tenantId === tenant);
  }

  private appendTo(own: { log: Log }, tenant: TenantId, append: Append): AppendResult {
    const stored = append.events.map((event) =>
      this.log.find((e) => e.id === event.id && e.metadata.tenantId === tenant),
    );
    const { stream } = append;
    if (stored.every((event, index) => event && isSame(event, stream, append.events[index]))) {
      return result(stream, stored.at(-1), []);
    }
    const actual = this.eventsOf(tenant, stream).at(-1)?.streamPosition ?? NO_REVISION;
    if (!meets(append.expected, actual)) throw new WrongExpectedVersion(stream, append.expected, actual);
    if (stored.some((event) => event)) throw new EventIdInUse();
    const start = this.log.at(-1)?.globalPosition ?? 0n;
    const recorded = append.events.map((event, index) => record(event, { tenant, stream, actual, start, index }));
    own.log = [...own.log, ...recorded];
    return result(stream, recorded.at(-1), recorded);
  }
}

/** What stands before the first dash: the whole name when there is none. */
function categoryOf(stream: string): string {
  return stream.split('-', 1)[0] ?? '';
}

function meets(expected: Append['expected'], actual: bigint): boolean {
  if (expected === 'any') return true;
  if (expected === 'no-stream') return actual === NO_REVISION;
  return expected === 'stream-exists' ? actual > NO_REVISION : actual === expected;
}

function record(
  event: Append['events'][number],
  place: { tenant: TenantId; stream: StreamName; actual: bigint; start: bigint; index: number },
): RecordedEvent {
  // Through JSON, as every other store: later changes to the caller's objects must not reach what is recorded.
  const copy = JSON.parse(JSON.stringify(event)) as Required<typeof event>;
  return {
    ...copy,
    id: copy.id.toLowerCase(),
    metadata: { ...copy.metadata, tenantId: place.tenant, recordedAt: new Date() },
    stream: place.stream,
    streamPosition: place.actual + 1n + BigInt(place.index),
    globalPosition: place.start + 1n + BigInt(place.index),
  };
}

function isSame(stored: RecordedEvent, stream: StreamName, event: Append['events'][number] | undefined): boolean {
  return (
    stored.stream === stream &&
    stored.type === event?.type &&
    JSON.stringify(stored.data) === JSON.stringify(event.data)
  );
}

function result(stream: StreamName, last: RecordedEvent | undefined, events: RecordedEvent[]): AppendResult {
  if (!last) throw new Error('unreachable: an append has at least one event');
  return { stream, revision: last.streamPosition, globalPosition: last.globalPosition, events };
}
