// What the chaos test changes: lists that are appended to, and accounts with money in them.
import { AggregateRoot, ensure, invariant } from '@concord/domain';
import type { DomainEvent } from '@concord/kernel';

type Appended = DomainEvent<'Appended', { element: number }>;
type Moved = DomainEvent<'Moved', { by: number }>;

/** The elements that were appended, in order. */
export class List extends AggregateRoot<Appended, readonly number[]> {
  static readonly category = 'list';
  append(element: number): void {
    this.record({ type: 'Appended', data: { element } });
  }
  protected override initialState = (): readonly number[] => [];
  protected override evolve = (state: readonly number[], { data }: Appended): readonly number[] => [
    ...state,
    data.element,
  ];
}

const notOverdrawn = invariant<number>({
  name: 'not-overdrawn',
  kind: 'state',
  holds: (balance) => balance >= 0,
  reason: (balance) => `the balance would be ${balance}`,
});

/** Money, never less than none. */
export class Account extends AggregateRoot<Moved, number> {
  static readonly category = 'account';
  move(by: number): void {
    ensure(notOverdrawn, this.state + by);
    this.record({ type: 'Moved', data: { by } });
  }
  protected override initialState = (): number => 0;
  protected override evolve = (state: number, { data }: Moved): number => state + data.by;
}
