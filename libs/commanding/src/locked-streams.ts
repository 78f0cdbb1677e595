// The streams of a command that runs in a transaction: locked in the store from the load to the commit, and before that by the
// lock service, where there is one: there others wait without a transaction.
import { TransactionNeeded } from '@concord/database';
import type { AggregateType, AnyAggregate } from '@concord/domain';
import type { AppendRequest, AppendResult, EventStore, LoadedStream } from '@concord/event-store';
import type { LockMode } from '@concord/locking';
import type { StreamName } from '@concord/kernel';
import { hydrate } from './hydrate.js';
import { type Kept, keptOf } from './kept.js';
import { type KeptWithSnapshots, policyOf, Snapshots } from './snapshots.js';
import type { CommandLocks } from './command-locks.js';
import type { Streams } from './unit-of-work.js';

export class LockedStreams implements Streams {
  private readonly snapshots: Snapshots;
  private readonly loaded: AnyAggregate[] = [];
  /** What the one stream of the command will be, where that can be kept. */
  private decided: Kept | undefined;
  private mayKeep = true;
  private asked = 0;

  constructor(
    private readonly store: EventStore,
    private readonly locks?: CommandLocks,
    /** Without the lock service, where there is one: a second stream is refused with TransactionNeeded. */
    private readonly isForOne = false,
  ) {
    this.snapshots = new Snapshots(store);
  }

  /** Locks and loads in one round trip, in an order that cannot deadlock. */
  async load<A extends AnyAggregate>(
    type: AggregateType<A>,
    streams: readonly StreamName[],
    mode: LockMode | undefined,
  ): Promise<Map<StreamName, A>> {
    this.asked += streams.length;
    if (this.wantsMore) throw several();
    if (mode) await this.locks?.acquireInTransaction(streams, mode);
    const aggregates = new Map<StreamName, A>();
    for (const [stream, recorded] of await this.store.lockAndLoad(streams, policyOf(type)?.version)) {
      const { snapshots } = this;
      const load = (): Promise<LoadedStream> => this.loadAgain(stream);
      aggregates.set(stream, await hydrate(type, stream, recorded, { load, snapshots }));
      this.mayKeep &&= !recorded.hasSettings && !recorded.holdsPersonal;
    }
    this.loaded.push(...aggregates.values());
    return aggregates;
  }

  /** A handler that goes on without its second stream has not decided. */
  assertOne(): void {
    if (this.wantsMore) throw several();
  }

  private get wantsMore(): boolean {
    return this.isForOne && this.asked > 1;
  }

  async upgrade(streams: readonly StreamName[], mode: LockMode): Promise<void> {
    await this.locks?.acquireInTransaction(streams, mode);
  }

  append(requests: readonly AppendRequest[]): Promise<AppendResult[]> {
    for (const aggregate of this.loaded) {
      this.snapshots.decided(aggregate.stream, keptOf(aggregate), aggregate.decidedEvents);
    }
    const [only, another] = this.loaded;
    const mayKeep = this.mayKeep && !requests.some(({ events }) => this.store.holdsPersonal(events));
    if (only && !another && mayKeep) this.decided = keptOf(only);
    return this.store.append(...requests);
  }

  /**
   * Stores what is due of the states that were reached, and does not wait for it. Answers what may be kept of the stream, if
   * it was about one: not of a repeat, which has been applied once more.
   */
  committed(results: readonly AppendResult[]): KeptWithSnapshots | undefined {
    this.snapshots.take(results);
    const { decided, snapshots } = this;
    return decided && results[0]?.events.length ? { ...decided, snapshots } : undefined;
  }

  /** All of it. */
  private async loadAgain(stream: StreamName): Promise<LoadedStream> {
    const recorded = (await this.store.lockAndLoad([stream])).get(stream);
    if (!recorded) throw new Error('unreachable: every stream is answered');
    return recorded;
  }
}

function several(): TransactionNeeded {
  return new TransactionNeeded('this command touches several streams: it runs again, under the lock service');
}
