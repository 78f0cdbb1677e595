// What the tests of two-phase commit move between stores: a purse with money in it, which never gets below nothing.
import { AggregateRoot, ensure, invariant } from '@concord/domain';
import type { DomainEvent } from '@concord/kernel';

export type Moved = DomainEvent<'Moved', { readonly amount: string }>;

const neverBelowNothing = invariant<bigint>({
  name: 'purse-not-below-nothing',
  kind: 'state',
  holds: (amount) => amount >= 0n,
  reason: (amount) => `there would be ${amount} in it`,
});

export class Purse extends AggregateRoot<Moved, bigint> {
  static readonly category = 'purse';

  move(amount: bigint): void {
    ensure(neverBelowNothing, this.state + amount);
    this.record({ type: 'Moved', data: { amount: amount.toString() } });
  }

  protected override initialState(): bigint {
    return 0n;
  }

  protected override evolve(state: bigint, event: Moved): bigint {
    return state + BigInt(event.data.amount);
  }
}
