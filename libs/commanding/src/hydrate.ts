// An aggregate from what its stream shows.
import type { AggregateType, AnyAggregate } from '@concord/domain';
import type { LoadedStream } from '@concord/event-store';
import type { StreamName } from '@concord/kernel';

export function hydrate<A extends AnyAggregate>(type: AggregateType<A>, stream: StreamName, loaded: LoadedStream): A {
  const aggregate = new type(stream.slice(type.category.length + 1));
  return aggregate.replay(loaded.events, loaded.revision);
}
