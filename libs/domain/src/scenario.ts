// Given/when/then for one aggregate: no store, no Nest. Compares whole events, not parts of them.
import { deepStrictEqual, fail, strictEqual } from 'node:assert/strict';
import type { DomainEvent } from '@concord/kernel';
import type { AggregateRoot } from './aggregate-root.js';
import { InvariantBroken } from './invariant.js';

/** What may be expected after a decision. */
export interface Outcome<Event extends DomainEvent, State> {
  /** Exactly these events were decided, in this order, with just this data. */
  then(...expected: Event[]): Outcome<Event, State>;
  /** Nothing was decided and nothing was refused. */
  thenNothing(): Outcome<Event, State>;
  /** The decision was refused by this invariant (and, when given, for this reason), and no event was decided. */
  thenBroken(invariantName: string, reason?: string | RegExp): void;
  /** The state after the decision. */
  thenState(expected: State): Outcome<Event, State>;
  /** Decided once more on the same history, it comes to the same events: a command may have to run again. */
  thenAgain(): Outcome<Event, State>;
}

/**
 * Starts a scenario from what happened before: `given(Account, 'a-1', opened).when(a => a.close()).then(closed)`.
 */
export function given<Event extends DomainEvent, State, Aggregate extends AggregateRoot<Event, State>>(
  type: new (id: string) => Aggregate & AggregateRoot<Event, State>,
  id: string,
  ...history: Event[]
): { when(decide: (aggregate: Aggregate) => void): Outcome<Event, State> } {
  return {
    when(decide) {
      const aggregate = new type(id).replay(history);
      const refusal = refusalOf(() => decide(aggregate));
      const again = (): readonly Event[] => {
        const second = new type(id).replay(history);
        refusalOf(() => decide(second));
        return second.decidedEvents;
      };
      return outcome(aggregate, refusal, again);
    },
  };
}

function refusalOf(decide: () => void): unknown {
  try {
    decide();
  } catch (error) {
    return error;
  }
  return undefined;
}

function outcome<Event extends DomainEvent, State>(
  aggregate: AggregateRoot<Event, State>,
  refusal: unknown,
  again: () => readonly Event[],
): Outcome<Event, State> {
  const accepted = (): void => {
    if (refusal !== undefined) throw refusal as Error;
  };
  const result: Outcome<Event, State> = {
    then(...expected) {
      accepted();
      deepStrictEqual(aggregate.decidedEvents, expected);
      return result;
    },
    thenNothing: () => result.then(),
    thenBroken(invariantName, reason) {
      if (refusal === undefined) fail(`expected "${invariantName}" to be broken, but the decision was accepted`);
      if (!(refusal instanceof InvariantBroken)) throw refusal as Error;
      strictEqual(refusal.invariant, invariantName);
      deepStrictEqual(aggregate.decidedEvents, [], 'a refused decision records nothing');
      if (typeof reason === 'string') strictEqual(refusal.message, reason);
      else if (reason) strictEqual(reason.test(refusal.message), true, `"${refusal.message}" does not match ${reason}`);
    },
    thenState(expected) {
      accepted();
      deepStrictEqual(aggregate.state, expected);
      return result;
    },
    thenAgain() {
      const first = [...aggregate.decidedEvents];
      const message = 'decided once more, it came to other events: time, ids and chance arrive in the command';
      deepStrictEqual(again(), first, message);
      return result;
    },
  };
  return result;
}
