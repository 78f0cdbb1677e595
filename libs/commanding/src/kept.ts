// What a mailbox keeps of an aggregate between commands. Not the object: a handler may go on with that when its command is over.
import type { AggregateType, AnyAggregate } from '@concord/domain';
import type { StreamPosition } from '@concord/kernel';
import type { Snapshots } from './snapshots.js';

export interface Kept {
  readonly type: AggregateType<AnyAggregate>;
  /** Of the events up to `revision`. */
  readonly state: unknown;
  readonly revision: StreamPosition;
}

/** What was kept of an aggregate, and what is known of its snapshots. */
export interface KeptWithSnapshots extends Kept {
  readonly snapshots: Snapshots;
}

/** An aggregate with all that it has decided. */
export function keptOf(aggregate: AnyAggregate): Kept {
  return {
    type: aggregate.constructor as AggregateType<AnyAggregate>,
    state: aggregate.state,
    revision: aggregate.revision + BigInt(aggregate.decidedEvents.length),
  };
}
