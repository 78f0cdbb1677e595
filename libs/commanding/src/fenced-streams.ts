// The streams of a command that decides under the locks of the lock service, without a transaction: it opens one when it
// commits, which is refused unless its locks are held still and the streams are where it has read them. Commands in mailboxes
// take no locks; for those the ends of the streams keep watch.
import { CommitUnknown, DatabaseUnavailable, TransactionNeeded } from '@concord/database';
import type { AggregateType, AnyAggregate } from '@concord/domain';
import type { AppendRequest, AppendResult, EventStore, UnlockedCommands } from '@concord/event-store';
import type { LockMode } from '@concord/locking';
import type { StreamName, StreamPosition } from '@concord/kernel';
import type { CommandLocks } from './command-locks.js';
import { type Load, loadAggregate } from './hydrate.js';
import { type Kept, keptOf } from './kept.js';
import { type KeptWithSnapshots, Snapshots } from './snapshots.js';
import type { Streams } from './unit-of-work.js';

export type FencedCommands = NonNullable<EventStore['fenced']>;
type FencedPlaces = Parameters<FencedCommands['commit']>[1];

interface Store {
  readonly store: EventStore;
  readonly unlocked: UnlockedCommands;
  readonly fenced: FencedCommands;
}

export class FencedStreams implements Streams {
  private readonly snapshots: Snapshots;
  private readonly aggregates = new Map<StreamName, AnyAggregate>();
  /** Where those ended that are locked. */
  private readonly ends = new Map<StreamName, StreamPosition>();
  private holdsPersonal = false;
  private decided: Kept | undefined;
  /** One of its streams has metadata or was deleted: that is for a transaction which has locked it. */
  isShortened = false;

  constructor(
    private readonly store: Store,
    private readonly locks: CommandLocks,
    /** Nothing else is to be committed with its events: append() is the commit. */
    private readonly commitsAlone: boolean,
  ) {
    this.snapshots = new Snapshots(store.store);
  }

  async load<A extends AnyAggregate>(
    type: AggregateType<A>,
    streams: readonly StreamName[],
    mode: LockMode | undefined,
  ): Promise<Map<StreamName, A>> {
    if (mode) await this.locks.acquire(streams, mode);
    const loaded = await Promise.all(streams.map((stream) => this.loadOne(type, stream)));
    if (mode) for (const aggregate of loaded) this.ends.set(aggregate.stream, aggregate.revision);
    return new Map(loaded.map((aggregate) => [aggregate.stream, aggregate]));
  }

  async upgrade(streams: readonly StreamName[], mode: LockMode): Promise<void> {
    await this.locks.acquire(streams, mode);
    for (const stream of streams) this.ends.set(stream, this.aggregates.get(stream)?.revision ?? -1n);
  }

  /**
   * In the transaction that commits, and before anything else in it. Need not be waited for: what fails, fails the commit. What
   * comes after it in the transaction fails, too, but does not say why.
   */
  fence(changed: readonly StreamName[]): Promise<unknown> {
    const checks = [this.locks.fence()];
    // What is appended to says itself where it is expected to be.
    const read = new Map([...this.ends].filter(([stream]) => !changed.includes(stream)));
    if (read.size > 0) checks.push(this.store.fenced.assertEnds(read));
    const fenced = Promise.all(checks);
    fenced.catch(() => undefined);
    return fenced;
  }

  append(requests: readonly AppendRequest[]): Promise<AppendResult[]> {
    for (const aggregate of this.aggregates.values()) {
      this.snapshots.decided(aggregate.stream, keptOf(aggregate), aggregate.decidedEvents);
    }
    const [only, another] = this.aggregates.values();
    this.holdsPersonal ||= requests.some(({ events }) => this.store.store.holdsPersonal(events));
    if (only && !another && !this.holdsPersonal) this.decided = keptOf(only);
    return this.commitsAlone ? this.commit(requests) : this.store.fenced.append(requests);
  }

  /** By itself, together with other commands; or, if that cannot be, in a transaction. */
  private async commit(requests: readonly AppendRequest[]): Promise<AppendResult[]> {
    const { store, fenced } = this.store;
    const { held } = this.locks;
    const places = [...this.ends].flatMap(([stream, end]) => {
      const lock = held?.get(stream);
      return lock ? [{ stream, end, ...lock }] : [];
    });
    const together = places.length === this.ends.size ? await this.tryTogether(requests, places) : undefined;
    if (together) return together;
    const { appended } = await store.transaction(async () => {
      void this.fence(requests.map(({ stream }) => stream));
      const appending = fenced.append(requests);
      appending.catch(() => undefined);
      return { appended: appending };
    });
    return appended;
  }

  private async tryTogether(
    requests: readonly AppendRequest[],
    places: FencedPlaces,
  ): Promise<AppendResult[] | undefined> {
    try {
      return await this.store.fenced.commit(requests, places);
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable)) throw error;
      throw new CommitUnknown('the connection was lost while committing', {}, { cause: error });
    }
  }

  /** As LockedStreams.committed. */
  committed(results: readonly AppendResult[]): KeptWithSnapshots | undefined {
    this.snapshots.take(results);
    const { decided, snapshots } = this;
    return decided && results[0]?.events.length ? { ...decided, snapshots } : undefined;
  }

  /**
   * An outcome without events holds as it is when it was decided on one stream, as that was when it was read. Of several, all
   * have to be where they were, now that the last of them was read. Errors: OwnershipLost, WrongExpectedVersion.
   */
  async confirm(): Promise<void> {
    if (this.ends.size < 2) return;
    await this.store.store.transaction(() => this.fence([]));
  }

  private async loadOne<A extends AnyAggregate>(type: AggregateType<A>, stream: StreamName): Promise<A> {
    const { unlocked } = this.store;
    const load: Load = async (version) => {
      const loaded = await unlocked.load(stream, version);
      this.isShortened ||= loaded.hasSettings ?? false;
      this.holdsPersonal ||= loaded.holdsPersonal ?? false;
      if (this.isShortened) throw new TransactionNeeded(`"${stream}" has metadata: this command runs in a transaction`);
      return loaded;
    };
    const aggregate = await loadAggregate(type, stream, { load, snapshots: this.snapshots });
    this.aggregates.set(stream, aggregate);
    return aggregate;
  }
}
