// A loan, as far as its pay-out goes: asked for, then paid out or given up. Whose money moves how is the ledger's affair.
import { AggregateRoot, ensure, invariant } from '@concord/domain';
import type { DomainEvent } from '@concord/kernel';

// --- Events. Amounts are decimal strings; days are ISO dates.

/** What a pay-out is about: from the funding account through the clearing account to the borrower's. */
export interface PayoutTerms {
  readonly accountId: string;
  readonly fundingAccountId: string;
  readonly clearingAccountId: string;
  readonly amount: string;
  readonly requestedOn: string;
}

export type LoanPayoutRequested = DomainEvent<'LoanPayoutRequested', PayoutTerms & { readonly loanId: string }>;
export type LoanPaidOut = DomainEvent<'LoanPaidOut', object>;
export type LoanPayoutFailed = DomainEvent<'LoanPayoutFailed', { readonly reason: string }>;

export type LoanEvent = LoanPayoutRequested | LoanPaidOut | LoanPayoutFailed;

// --- State, and how events change it.

export interface LoanState {
  readonly status: 'none' | 'requested' | 'paid-out' | 'failed';
  readonly terms: PayoutTerms | undefined;
  readonly reason: string | undefined;
}

// --- Invariants.

const requestedOnce = invariant<LoanState>({
  name: 'loan-requested-once',
  kind: 'state',
  holds: ({ status }) => status === 'none',
  reason: () => 'the pay-out of this loan was requested already',
});

const payoutUnderWay = invariant<LoanState>({
  name: 'payout-under-way',
  kind: 'state',
  holds: ({ status }) => status === 'requested',
  reason: ({ status }) => `no pay-out of this loan is under way: its state is "${status}"`,
});

const amountAboveZero = invariant<string>({
  name: 'positive-amount',
  kind: 'request',
  holds: (amount) => /[1-9]/.test(amount) && !amount.startsWith('-'),
  reason: (amount) => `an amount is above zero, this one is ${amount}`,
});

const threeAccounts = invariant<PayoutTerms>({
  name: 'three-accounts',
  kind: 'request',
  holds: ({ accountId, fundingAccountId, clearingAccountId }) =>
    new Set([accountId, fundingAccountId, clearingAccountId]).size === 3,
  reason: () => 'the account, the funding account and the clearing account of a loan are three accounts',
});

// --- Decisions.

export class Loan extends AggregateRoot<LoanEvent, LoanState> {
  static readonly category = 'loan';

  requestPayout(terms: PayoutTerms): void {
    ensure(requestedOnce, this.state);
    ensure(amountAboveZero, terms.amount);
    ensure(threeAccounts, terms);
    this.record({ type: 'LoanPayoutRequested', data: { loanId: this.id, ...terms } });
  }

  confirmPayout(): void {
    ensure(payoutUnderWay, this.state);
    this.record({ type: 'LoanPaidOut', data: {} });
  }

  giveUpPayout(reason: string): void {
    ensure(payoutUnderWay, this.state);
    this.record({ type: 'LoanPayoutFailed', data: { reason } });
  }

  protected override initialState = (): LoanState => ({ status: 'none', terms: undefined, reason: undefined });

  protected override evolve(state: LoanState, event: LoanEvent): LoanState {
    switch (event.type) {
      case 'LoanPayoutRequested':
        return { ...state, status: 'requested', terms: event.data };
      case 'LoanPaidOut':
        return { ...state, status: 'paid-out' };
      case 'LoanPayoutFailed':
        return { ...state, status: 'failed', reason: event.data.reason };
    }
  }
}
