// What a command's handler declares about its reads.
import type { AggregateType, AnyAggregate } from '@concord/domain';

/**
 * What holds of aggregates that a command reads and does not change. `serializable`: they are locked (S) until the command
 * has committed, so that it is as if commands ran one after the other. `snapshot`: each is as it was committed when it was
 * read, without a lock, and may have changed by the time the command commits: two commands that each read what the other
 * changes may both commit (write skew). What a command changes is never anything but the latest, in either.
 */
export type IsolationLevel = 'serializable' | 'snapshot';

/** How a handler's aggregates are locked. */
export interface HandlerDeclarations {
  readonly isolation: IsolationLevel;
  /** What load() only reads. */
  readonly reads: readonly AggregateType<AnyAggregate>[];
  /** The handler itself, for who knows more of it: see DistributedTransactions. */
  readonly handler?: object;
}

/** Of a handler that declares nothing. */
export const UNDECLARED: HandlerDeclarations = { isolation: 'serializable', reads: [] };

const declared = new WeakMap<object, HandlerDeclarations>();

/** Decorates a command handler: the isolation of its reads, `serializable` unless declared. */
export function Isolation(isolation: IsolationLevel): ClassDecorator {
  return (handler) => void declared.set(handler, { ...declarationsOf(handler), isolation });
}

/**
 * Decorates a command handler: of these classes its load() only reads, and locks shared. One that it changes all the same is
 * locked exclusively before the commit, for which the command may have to run again.
 */
export function Reads(...reads: readonly AggregateType<AnyAggregate>[]): ClassDecorator {
  return (handler) => void declared.set(handler, { ...declarationsOf(handler), reads });
}

export function declarationsOf(handler: object): HandlerDeclarations {
  return declared.get(handler) ?? UNDECLARED;
}
