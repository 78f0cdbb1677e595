// The streams of a command that runs in a transaction: locked from the load to the commit.
import type { AggregateType, AnyAggregate } from '@concord/domain';
import type { AppendRequest, AppendResult, EventStore, LoadedStream } from '@concord/event-store';
import type { StreamName } from '@concord/kernel';
import { hydrate, type Loaded } from './hydrate.js';
import { policyOf, Snapshots } from './snapshots.js';
import type { Streams } from './unit-of-work.js';

export class LockedStreams implements Streams {
  private readonly snapshots: Snapshots;
  private readonly loaded: AnyAggregate[] = [];

  constructor(private readonly store: EventStore) {
    this.snapshots = new Snapshots(store);
  }

  /** Locks and loads in one round trip, in an order that cannot deadlock. */
  async load<A extends AnyAggregate>(
    type: AggregateType<A>,
    streams: readonly StreamName[],
  ): Promise<Map<StreamName, A>> {
    const aggregates = new Map<StreamName, A>();
    for (const [stream, recorded] of await this.store.lockAndLoad(streams, policyOf(type)?.version)) {
      const { snapshots } = this;
      const load = (): Promise<LoadedStream> => this.loadAgain(stream);
      aggregates.set(stream, await hydrate(type, stream, recorded, { load, snapshots }));
    }
    this.loaded.push(...aggregates.values());
    return aggregates;
  }

  append(requests: readonly AppendRequest[]): Promise<AppendResult[]> {
    for (const { stream } of requests) this.snapshots.decided(stream);
    return this.store.append(...requests);
  }

  /**
   * Stores what is due of the states that were reached, and does not wait for it. Answers the one aggregate that it was
   * about, if it is now as it is stored: a repeat has been applied to it once more.
   */
  committed(results: readonly AppendResult[]): Loaded | undefined {
    this.snapshots.take(results);
    const [aggregate, another] = this.loaded;
    if (!aggregate || another || !results[0]?.events.length) return undefined;
    return { aggregate, snapshots: this.snapshots };
  }

  /** All of it. */
  private async loadAgain(stream: StreamName): Promise<LoadedStream> {
    const recorded = (await this.store.lockAndLoad([stream])).get(stream);
    if (!recorded) throw new Error('unreachable: every stream is answered');
    return recorded;
  }
}
