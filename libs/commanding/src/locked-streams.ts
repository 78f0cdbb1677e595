// The streams of a command that runs in a transaction: locked from the load to the commit.
import type { AggregateType, AnyAggregate } from '@concord/domain';
import type { AppendRequest, AppendResult, EventStore } from '@concord/event-store';
import type { StreamName } from '@concord/kernel';
import { hydrate } from './hydrate.js';
import type { Streams } from './unit-of-work.js';

export class LockedStreams implements Streams {
  constructor(private readonly store: EventStore) {}

  /** Locks and loads in one round trip, in an order that cannot deadlock. */
  async load<A extends AnyAggregate>(
    type: AggregateType<A>,
    streams: readonly StreamName[],
  ): Promise<Map<StreamName, A>> {
    const loaded = await this.store.lockAndLoad(streams);
    return new Map([...loaded].map(([stream, shown]) => [stream, hydrate(type, stream, shown)]));
  }

  append(requests: readonly AppendRequest[]): Promise<AppendResult[]> {
    return this.store.append(...requests);
  }
}
