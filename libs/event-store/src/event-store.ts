// The port of the event store. Adapters: postgres/ (the default), kurrent/ and memory/ (for unit tests); one contract suite for all.
// Everything is for the tenant of the running code, and inside transaction() everything commits or rolls back as one.
import {
  assertExactJson,
  currentMessage,
  type DomainEvent,
  type EventSeal,
  type ExpectedVersion,
  type GlobalPosition,
  newId,
  type RecordedEvent,
  type StreamName,
} from '@concord/kernel';
import type { Upcast } from '@concord/domain';
import { currentTenant, type TenantId } from '@concord/tenancy';
import {
  type Append,
  assertExpected,
  assertReadable,
  assertStoredName,
  completed,
  prepareAppend,
  prepareAppends,
  stamped,
} from './append.js';
import { AppendListeners, type AppendSource } from './append-listeners.js';
import { ALL_CAPABILITIES, type StoreCapabilities } from './capabilities.js';
import { jsonTextOf } from './json-text.js';
import { StoreTelemetry } from './telemetry.js';
import { type FindTargets, type LinkTarget, resolveAll, resolveLinks } from './links.js';
import { metadataWriteOf } from './metadata-append.js';
import { checkReadFeed } from './read-feed.js';
import { inTheClear, Sealing } from './sealing.js';
import { EVENT_VERSION, Upcasts } from './upcasts.js';
import type {
  AppendRequest,
  AppendResult,
  FeedPage,
  LoadedStream,
  ReadFeedOptions,
  ReadStreamOptions,
  Snapshot,
  TenantHead,
} from './requests.js';
import type { UnlockedCommands } from './unlocked-commands.js';
import {
  type MetadataWrite,
  prepareMetadata,
  type StreamDeletion,
  type StreamMetadata,
  type StreamMetadataRead,
} from './stream-metadata.js';

/**
 * An event store: append with expected versions, streams, and one feed in commit order. Also the token under which it is
 * injected.
 */
export abstract class EventStore {
  /** How commands run without a transaction, where the store can: where it cannot, they all run under locks. */
  readonly unlocked?: UnlockedCommands;
  /** What is read in its present form; see useUpcasts. */
  protected upcasts = new Upcasts();
  protected readonly telemetry: StoreTelemetry;
  /** What personal fields are closed and opened with; see useSeal. */
  protected readonly sealing = new Sealing();
  private readonly listeners = new AppendListeners();

  /** `system` is what telemetry calls this kind of store. */
  constructor(system: string) {
    this.telemetry = new StoreTelemetry(system);
  }

  /** What this kind of store can do. Ask before you rely on it. */
  get capabilities(): StoreCapabilities {
    return ALL_CAPABILITIES;
  }

  /**
   * From now on events of old forms are read, wherever they are read, as those of the present one, and events that are
   * appended say which form they have. What is stored stays. Errors: InvalidArgument, for a chain with a gap or a cycle.
   */
  useUpcasts(upcasts: readonly Upcast[]): void {
    this.upcasts = new Upcasts(upcasts);
  }

  /** From now on personal fields are sealed before they are stored, and opened wherever they are read. */
  useSeal(seal: EventSeal): void {
    this.sealing.seal = seal;
  }

  /** Whether any of these have personal fields: what is made of them is not to be stored in the clear. */
  holdsPersonal(events: readonly DomainEvent[]): boolean {
    return this.sealing.isPersonal(events);
  }

  /** What was made of personal fields is not to be used any more when this has changed: read them again. */
  get personalEpoch(): number {
    return this.sealing.seal?.epoch ?? 0;
  }

  /**
   * Appends to one or several streams, all or nothing; one result a request, in order. An append whose events are all
   * there already (same ids and content) succeeds again, whatever it expects. Errors: WrongExpectedVersion,
   * StreamDeleted, EventIdInUse, InvalidArgument (a payload that JSON or the store would change), NotSupportedByStore,
   * TenantMissing; TransientConflict and StoreUnavailable, when nothing was changed and it may be sent again;
   * DatabaseUnavailable, when that is not known, and a repeat with the same ids is harmless; and those of the
   * seal where a field is personal. To a metadata stream (`$$` and a name) one `$metadata` event at a time is appended, which is
   * writeStreamMetadata.
   */
  append(...requests: AppendRequest[]): Promise<AppendResult[]> {
    return this.asAppend(requests, (traced) => this.appendAll(traced));
  }

  /**
   * What append() would make of these now: checked, with their metadata, and each event with the form it has. For who keeps
   * them and appends them later, perhaps by other code. Errors: InvalidArgument.
   */
  complete(...requests: AppendRequest[]): AppendRequest[] {
    return completed(prepareAppends(requests), this.upcasts);
  }

  /**
   * For who gathers the appends of several callers: runs `append` as this caller's, in a span of its own, and with the trace
   * in the events. An append within it is not told of again.
   */
  asAppend<T>(
    requests: readonly AppendRequest[],
    append: (requests: readonly AppendRequest[]) => Promise<T>,
  ): Promise<T> {
    return this.telemetry.append(requests, append);
  }

  /** See UnlockedCommands.check. */
  protected check(request: AppendRequest): number | Promise<number> {
    const sealed = this.sealing.close(currentTenant(), stamped([prepareAppend(request)], this.upcasts));
    return sealed instanceof Promise ? sealed.then(sizeOf) : sizeOf(sealed);
  }

  private async appendAll(requests: readonly AppendRequest[]): Promise<AppendResult[]> {
    const appends = prepareAppends(requests);
    const metadata = metadataWriteOf(appends);
    if (metadata) return [await this.writeMetadata(currentTenant(), metadata)];
    return this.writeSealed(currentTenant(), stamped(appends, this.upcasts));
  }

  /**
   * Reads a stream, as far as its metadata show it; one that does not exist, or is deleted, is empty. Sees the running
   * transaction's own appends. Errors: StreamDeleted, when it has a tombstone; InvalidArgument, ArchiveUnavailable.
   */
  readStream(stream: StreamName, options: ReadStreamOptions = {}): AsyncIterable<RecordedEvent> {
    const tenant = currentTenant();
    assertReadable(stream, options);
    const recorded = this.telemetry.readStream(stream, this.streamEvents(tenant, stream, options));
    const events = options.resolveLinks ? resolveAll(recorded, this.targetsOf(tenant)) : recorded;
    return this.upcasts.isEmpty ? events : this.allInPresentForm(events);
  }

  /**
   * Reads the feed in commit order. Only settled events appear: whatever is still being committed below a position
   * hides what is above it, so a reader that goes on from `through` never misses, repeats or reorders an event. Backwards
   * it begins at the newest settled event; whoever then reads forwards after that one sees the rest. Errors: InvalidArgument.
   */
  async readFeed(options: ReadFeedOptions = {}): Promise<FeedPage> {
    checkReadFeed(options);
    const tenant = currentTenant();
    const types = options.types && { types: this.upcasts.storedAs(options.types) };
    const page = await this.telemetry.readFeed(() => this.feedPage(tenant, { ...options, ...types }));
    const events = options.resolveLinks ? await resolveLinks(page.events, this.targetsOf(tenant)) : page.events;
    const opened = await this.sealing.events(tenant, events);
    return { ...page, events: this.upcasts.isEmpty ? opened : opened.map((event) => this.inPresentForm(event)) };
  }

  /** The metadata of a stream, their revision (-1n: there are none), and whether the stream is deleted. */
  async readStreamMetadata(stream: StreamName): Promise<StreamMetadataRead> {
    assertReadable(stream);
    return this.metadataOf(currentTenant(), stream);
  }

  /**
   * Replaces the metadata of a stream, which need not exist yet. `expected` is about the metadata, `id` makes a repeat
   * harmless. What is no longer shown is still in the feed until it is scavenged. Errors: WrongExpectedVersion,
   * StreamDeleted, EventIdInUse, InvalidArgument.
   */
  async writeStreamMetadata(
    stream: StreamName,
    metadata: StreamMetadata,
    expected: ExpectedVersion = 'any',
    id: string = newId(),
  ): Promise<AppendResult> {
    assertStoredName(stream);
    assertExpected(expected);
    return this.writeMetadata(currentTenant(), { stream, expected, ...prepareMetadata(metadata, id) });
  }

  /**
   * Deletes a stream softly: what is there is shown no more. An append that expects `no-stream`, `any` or the last
   * position brings it back, with the next position. Answers the position of its metadata. Errors: WrongExpectedVersion,
   * StreamDeleted.
   */
  async deleteStream(stream: StreamName, expected: ExpectedVersion): Promise<GlobalPosition> {
    return this.remove(currentTenant(), deletion(stream, expected, false));
  }

  /**
   * Deletes a stream for good: it is never read or written again. Its events, and `$streamDeleted` after them, stay in
   * the feed until they are scavenged. Errors: WrongExpectedVersion, StreamDeleted.
   */
  async tombstoneStream(stream: StreamName, expected: ExpectedVersion): Promise<GlobalPosition> {
    return this.remove(currentTenant(), deletion(stream, expected, true));
  }

  /**
   * Removes for good, from the feed too, what the running tenant's streams show no more: by their metadata, deleted, or
   * with a tombstone. The last event of a stream stays. Answers how many events were removed. Errors: ArchiveUnavailable,
   * where some of it is archived and the files cannot be reached.
   */
  async scavenge(): Promise<number> {
    return this.removeHidden(currentTenant());
  }

  /** Whether the running code is within transaction(), to which its appends belong. */
  abstract get isInTransaction(): boolean;

  /** Runs `work` as one transaction; joins the one that is running. Errors: what `work` throws, and TransientConflict. */
  abstract transaction<T>(work: () => Promise<T>): Promise<T>;

  /**
   * Locks streams until the running transaction ends, then reads what aggregates need of them, in one round trip: from their
   * snapshots on, where there are any of the version. The lock holds against every other lockAndLoad and append, in every
   * process. Errors: StreamDeleted; outside transaction() it throws.
   */
  lockAndLoad(streams: readonly StreamName[], snapshotVersion?: number): Promise<Map<StreamName, LoadedStream>> {
    return this.telemetry.load('lock and load', streams, () => this.lockedLoad(streams, snapshotVersion));
  }

  /**
   * Stores a snapshot, unless there is a later one of its kind: at once or, in a transaction, when that has committed. It is
   * deleted with its stream. Where `capabilities.snapshots` is false nothing is kept, and nothing is lost by that. Errors:
   * InvalidArgument for a state that is not JSON.
   */
  async saveSnapshot(stream: StreamName, snapshot: Snapshot): Promise<void> {
    assertStoredName(stream);
    assertExactJson(snapshot.state, 'state');
    await this.keepSnapshot(currentTenant(), stream, snapshot);
  }

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
   * Calls back after an append was committed: one of this store at once, one of another process soon. Returns the way to
   * stop. A hint, not a delivery: one may be for nothing, and after a lost one only the reader's own clock helps.
   */
  onAppended(listener: (source: AppendSource) => void): () => void {
    return this.listeners.add(listener);
  }

  /** Errors: EventFromNewerCode. */
  protected inPresentForm(event: RecordedEvent): RecordedEvent {
    return this.upcasts.apply(event, event.metadata[EVENT_VERSION]);
  }

  private targetsOf(tenant: TenantId): FindTargets {
    return (targets) => this.findTargets(tenant, targets);
  }

  private async *allInPresentForm(events: AsyncIterable<RecordedEvent>): AsyncGenerator<RecordedEvent> {
    for await (const event of events) yield this.inPresentForm(event);
  }

  /** Nothing is awaited before the write where all keys are at hand; else the running transaction waits for it. */
  private writeSealed(tenant: TenantId, appends: readonly Append[]): Promise<AppendResult[]> {
    const sealed = this.sealing.close(tenant, appends);
    if (sealed === appends) return this.write(tenant, appends);
    const isWaiting = sealed instanceof Promise;
    const written = isWaiting ? sealed.then((ready) => this.write(tenant, ready)) : this.write(tenant, sealed);
    if (isWaiting) this.holdCommit(written);
    return written.then((results) => results.map((result, index) => inTheClear(result, appends[index] as Append)));
  }

  protected announceAppend(source: AppendSource = 'here'): void {
    this.listeners.announce(source);
  }

  protected abstract write(tenant: TenantId, appends: readonly Append[]): Promise<AppendResult[]>;

  protected abstract lockedLoad(
    streams: readonly StreamName[],
    snapshotVersion?: number,
  ): Promise<Map<StreamName, LoadedStream>>;

  /** The running transaction, if there is one, does not end before this append was sent, awaited by the caller or not. */
  protected abstract holdCommit(append: Promise<unknown>): void;

  /** Opened, unlike feedPage(). */
  protected abstract streamEvents(
    tenant: TenantId,
    stream: StreamName,
    options: ReadStreamOptions,
  ): AsyncIterable<RecordedEvent>;

  protected abstract metadataOf(tenant: TenantId, stream: StreamName): Promise<StreamMetadataRead>;

  protected abstract writeMetadata(tenant: TenantId, write: MetadataWrite): Promise<AppendResult>;

  protected abstract remove(tenant: TenantId, deletion: StreamDeletion): Promise<GlobalPosition>;

  protected abstract keepSnapshot(tenant: TenantId, stream: StreamName, snapshot: Snapshot): Promise<void>;

  protected abstract removeHidden(tenant: TenantId): Promise<number>;

  /** The events that links point at, as far as their streams show them, opened. */
  protected abstract findTargets(tenant: TenantId, targets: readonly LinkTarget[]): Promise<readonly RecordedEvent[]>;

  /** As they are stored. */
  protected abstract feedPage(tenant: TenantId, options: ReadFeedOptions): Promise<FeedPage>;
}

function sizeOf(appends: readonly Append[]): number {
  return appends.reduce((sum, { events }) => events.reduce((size, { data }) => size + jsonTextOf(data).length, sum), 0);
}

function deletion(stream: StreamName, expected: ExpectedVersion, forGood: boolean): StreamDeletion {
  assertStoredName(stream);
  assertExpected(expected);
  return { stream, expected, forGood, id: newId(), metadata: { ...currentMessage() } };
}
