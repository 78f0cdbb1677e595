// An account of a client at the partner bank, as far as payments into it go.
import { AggregateRoot, ensure, invariant } from '@concord/domain';
import type { DomainEvent } from '@concord/kernel';

// --- Events. Amounts are decimal text with two places.

export type ClientAccountOpened = DomainEvent<'ClientAccountOpened', { readonly currency: string }>;
export type PaymentReceived = DomainEvent<
  'PaymentReceived',
  { readonly amount: string; readonly paymentId: string; readonly from: string }
>;
export type ClientAccountEvent = ClientAccountOpened | PaymentReceived;

// --- State: in cents.

export interface ClientAccountState {
  readonly currency: string | undefined;
  readonly cents: bigint;
}

/** What somebody else's bank asks for. */
export interface Credit {
  readonly amount: string;
  readonly currency: string;
  readonly paymentId: string;
  readonly from: string;
}

// --- Invariants.

const openedOnce = invariant<ClientAccountState>({
  name: 'client-account-opened-once',
  kind: 'state',
  holds: ({ currency }) => currency === undefined,
  reason: () => 'the account has been opened already',
});

const exists = invariant<ClientAccountState>({
  name: 'client-account-exists',
  kind: 'state',
  holds: ({ currency }) => currency !== undefined,
  reason: () => 'there is no such account at the partner bank',
});

const sameCurrency = invariant<{ readonly ours: string | undefined; readonly theirs: string }>({
  name: 'same-currency',
  kind: 'state',
  holds: ({ ours, theirs }) => ours === theirs,
  reason: ({ ours, theirs }) => `the account at the partner bank is in ${ours ?? 'none'}, the payment in ${theirs}`,
});

const positiveAmount = invariant<string>({
  name: 'positive-amount',
  kind: 'request',
  holds: (amount) => /^(0|[1-9]\d{0,14})\.\d{2}$/.test(amount) && /[1-9]/.test(amount),
  reason: (amount) => `an amount is above zero and has two places, this one is ${amount}`,
});

// --- Decisions.

export class ClientAccount extends AggregateRoot<ClientAccountEvent, ClientAccountState> {
  static readonly category = 'client';

  open(currency: string): void {
    ensure(openedOnce, this.state);
    this.record({ type: 'ClientAccountOpened', data: { currency } });
  }

  receive({ amount, currency, paymentId, from }: Credit): void {
    ensure(exists, this.state);
    ensure(positiveAmount, amount);
    ensure(sameCurrency, { ours: this.state.currency, theirs: currency });
    this.record({ type: 'PaymentReceived', data: { amount, paymentId, from } });
  }

  protected override initialState(): ClientAccountState {
    return { currency: undefined, cents: 0n };
  }

  protected override evolve(state: ClientAccountState, event: ClientAccountEvent): ClientAccountState {
    switch (event.type) {
      case 'ClientAccountOpened':
        return { ...state, currency: event.data.currency };
      case 'PaymentReceived':
        return { ...state, cents: state.cents + BigInt(event.data.amount.replace('.', '')) };
    }
  }
}
