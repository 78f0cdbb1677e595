// The members of a club: what of their events is personal, and whose it is.
import { AggregateRoot, ensure, invariant, personal } from '@concord/domain';
import type { DomainEvent } from '@concord/kernel';

export interface Address {
  readonly street: string;
  readonly city: string;
}
export type MemberJoined = DomainEvent<
  'MemberJoined',
  { readonly memberId: string; readonly name: string; readonly address: Address; readonly joinedOn: string }
>;
export type MemberMoved = DomainEvent<'MemberMoved', { readonly memberId: string; readonly address: Address }>;
export type FeePaid = DomainEvent<'FeePaid', { readonly amount: string }>;
export type MemberEvent = MemberJoined | MemberMoved | FeePaid;

/** Each personal field, and what stands in its place when the member has been forgotten. The city is not personal. */
export const membersPersonal = [
  personal<MemberJoined>({
    type: 'MemberJoined',
    subject: 'memberId',
    fields: { name: '(forgotten)', 'address.street': '(forgotten)' },
  }),
  personal<MemberMoved>({ type: 'MemberMoved', subject: 'memberId', fields: { 'address.street': '(forgotten)' } }),
];

interface MemberState {
  readonly name: string;
  readonly address: Address;
  readonly payments: number;
}

const mustHaveJoined = invariant<boolean>({
  name: 'member-has-joined',
  kind: 'state',
  holds: (hasJoined) => hasJoined,
  reason: () => 'there is no such member',
});

export class Member extends AggregateRoot<MemberEvent, MemberState> {
  static readonly category: string = 'member';

  protected override initialState(): MemberState {
    return { name: '', address: { street: '', city: '' }, payments: 0 };
  }

  protected override evolve(state: MemberState, { type, data }: MemberEvent): MemberState {
    if (type === 'MemberJoined') return { ...state, name: data.name, address: data.address };
    if (type === 'MemberMoved') return { ...state, address: data.address };
    return { ...state, payments: state.payments + 1 };
  }

  join(name: string, address: Address, joinedOn: string): void {
    this.record({ type: 'MemberJoined', data: { memberId: this.id, name, address, joinedOn } });
  }

  move(address: Address): void {
    ensure(mustHaveJoined, this.exists);
    this.record({ type: 'MemberMoved', data: { memberId: this.id, address } });
  }

  payFee(amount: string): void {
    ensure(mustHaveJoined, this.exists);
    this.record({ type: 'FeePaid', data: { amount } });
  }
}
