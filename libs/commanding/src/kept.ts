// What a mailbox keeps of an aggregate between commands. Not the object: a handler may go on with that when its command is over.
import type { AggregateType, AnyAggregate } from '@concord/domain';
import type { StreamPosition } from '@concord/kernel';

export interface Kept {
  readonly type: AggregateType<AnyAggregate>;
  /** Of the events up to `revision`. */
  readonly state: unknown;
  readonly revision: StreamPosition;
}

/** An aggregate with all that it has decided. */
export function keptOf(aggregate: AnyAggregate): Kept {
  return {
    type: aggregate.constructor as AggregateType<AnyAggregate>,
    state: aggregate.state,
    revision: aggregate.revision + BigInt(aggregate.decidedEvents.length),
  };
}
