// The port of the event store. Adapters: postgres/ (the default), kurrent/ and memory/ (for unit tests); one contract suite for all.
// Everything is for the tenant of the running code, and inside transaction() everything commits or rolls back as one.
import type { DomainEvent, GlobalPosition, RecordedEvent, StreamName } from '@concord/kernel';
import { currentTenant, type TenantId } from '@concord/tenancy';
import { type Append, prepareAppends } from './append.js';
import { AppendListeners } from './append-listeners.js';
import { ALL_CAPABILITIES, type StoreCapabilities } from './capabilities.js';
import type {
  AppendRequest,
  AppendResult,
  FeedPage,
  ReadFeedOptions,
  ReadStreamOptions,
  TenantHead,
} from './requests.js';

/**
 * An event store: append with expected versions, streams, and one feed in commit order. Also the token under which it is
 * injected.
 */
export abstract class EventStore {
  private readonly listeners = new AppendListeners();

  /** What this kind of store can do. Ask before you rely on it. */
  get capabilities(): StoreCapabilities {
    return ALL_CAPABILITIES;
  }

  /**
   * Appends to one or several streams, all or nothing; one result a request, in order. An append whose events are all
   * there already (same ids and content) succeeds again, whatever it expects. Errors: WrongExpectedVersion,
   * EventIdInUse, InvalidArgument (a payload that JSON or the store would change), NotSupportedByStore, TenantMissing.
   */
  async append(...requests: AppendRequest[]): Promise<AppendResult[]> {
    return this.write(currentTenant(), prepareAppends(requests));
  }

  /** Reads a stream; a stream that does not exist is empty. Sees the running transaction's own appends. */
  readStream(stream: StreamName, options: ReadStreamOptions = {}): AsyncIterable<RecordedEvent> {
    return this.streamEvents(currentTenant(), stream, options);
  }

  /**
   * Reads the feed in commit order. Only settled events appear: whatever is still being committed below a position
   * hides what is above it, so a reader that goes on from `through` never misses, repeats or reorders an event.
   */
  async readFeed(options: ReadFeedOptions = {}): Promise<FeedPage> {
    return this.feedPage(currentTenant(), options);
  }

  /** Runs `work` as one transaction; joins the one that is running. Errors: what `work` throws, and TransientConflict. */
  abstract transaction<T>(work: () => Promise<T>): Promise<T>;

  /**
   * Locks streams until the running transaction ends, then reads what aggregates need of them, in one round trip. The lock holds against
   * every other lockAndLoad and append, in every process. Errors: outside transaction() it throws.
   */
  abstract lockAndLoad(streams: readonly StreamName[]): Promise<Map<StreamName, DomainEvent[]>>;

  /**
   * The events with these ids, in no particular order; unknown ids are left out. `within`: the streams they can only be
   * in, for stores that have to read those. Errors: NotSupportedByStore without `within`, where that is needed.
   */
  abstract findEvents(ids: readonly string[], within?: readonly StreamName[]): Promise<RecordedEvent[]>;

  /** Every tenant that has events, with its head. Needs no tenant. */
  abstract tenantHeads(): Promise<TenantHead[]>;

  /** The last position given to any tenant's event so far; the feed may not have settled up to it yet. */
  abstract lastPosition(): Promise<GlobalPosition>;

  /** Ends connections of its own; the Database is not the store's. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  /**
   * Calls back after this process has committed an append, and where the store tells of those of others, after them;
   * returns the way to stop. A hint, not a delivery.
   */
  onAppended(listener: () => void): () => void {
    return this.listeners.add(listener);
  }

  protected announceAppend(): void {
    this.listeners.announce();
  }

  protected abstract write(tenant: TenantId, appends: readonly Append[]): Promise<AppendResult[]>;

  protected abstract streamEvents(
    tenant: TenantId,
    stream: StreamName,
    options: ReadStreamOptions,
  ): AsyncIterable<RecordedEvent>;

  protected abstract feedPage(tenant: TenantId, options: ReadFeedOptions): Promise<FeedPage>;
}
