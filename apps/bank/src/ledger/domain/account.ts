// A bank account. It is one stream and one transactional boundary; money never leaves it below its overdraft limit.
import { AggregateRoot, ensure, invariant } from '@concord/domain';
import type { DomainEvent } from '@concord/kernel';
import { formatMoney, type Money, recordedMoney } from './money.js';

// --- Events. Amounts and balances are decimal strings; days are ISO dates.

export interface Booking {
  readonly amount: string;
  /** After this booking. */
  readonly balance: string;
  readonly occurredOn: string;
  readonly reference?: string;
}

export interface TransferBooking extends Booking {
  readonly transferId: string;
  /** The account at the other end. */
  readonly counterparty: string;
}

export type AccountOpened = DomainEvent<
  'AccountOpened',
  { readonly districtId: number; readonly currency: string; readonly overdraftLimit: string; readonly openedOn: string }
>;
export type MoneyDeposited = DomainEvent<'MoneyDeposited', Booking>;
export type MoneyWithdrawn = DomainEvent<'MoneyWithdrawn', Booking>;
export type TransferSent = DomainEvent<'TransferSent', TransferBooking>;
export type TransferReceived = DomainEvent<'TransferReceived', TransferBooking>;
export type OverdraftLimitChanged = DomainEvent<'OverdraftLimitChanged', { readonly overdraftLimit: string }>;
export type AccountClosed = DomainEvent<'AccountClosed', { readonly closedOn: string }>;

export type AccountEvent =
  | AccountOpened
  | MoneyDeposited
  | MoneyWithdrawn
  | TransferSent
  | TransferReceived
  | OverdraftLimitChanged
  | AccountClosed;

// --- State, and how events change it.

export interface AccountState {
  readonly status: 'none' | 'open' | 'closed';
  readonly balance: Money;
  readonly overdraftLimit: Money;
  readonly currency: string;
  readonly districtId: number;
}

const NO_ACCOUNT: AccountState = { status: 'none', balance: 0n, overdraftLimit: 0n, currency: '', districtId: 0 };

// --- Invariants.

const MAX_BALANCE: Money = 10n ** 30n;

const notOpenedTwice = invariant<AccountState>({
  name: 'account-opened-once',
  kind: 'state',
  holds: (account) => account.status === 'none',
  reason: () => 'the account has been opened already',
});

const accountExists = invariant<AccountState>({
  name: 'account-exists',
  kind: 'state',
  holds: (account) => account.status !== 'none',
  reason: () => 'there is no such account',
});

const closedAccountRefuses = invariant<AccountState>({
  name: 'closed-account-refuses',
  kind: 'state',
  holds: (account) => account.status !== 'closed',
  reason: () => 'the account is closed',
});

const positiveAmount = invariant<Money>({
  name: 'positive-amount',
  kind: 'request',
  holds: (amount) => amount > 0n,
  reason: (amount) => `an amount is above zero, this one is ${formatMoney(amount)}`,
});

const overdraftLimitNotNegative = invariant<Money>({
  name: 'overdraft-limit-not-negative',
  kind: 'request',
  holds: (limit) => limit >= 0n,
  reason: (limit) => `an overdraft limit is zero or more, this one is ${formatMoney(limit)}`,
});

const balanceWithinOverdraft = invariant<{ balance: Money; overdraftLimit: Money }>({
  name: 'balance-within-overdraft-limit',
  kind: 'state',
  holds: ({ balance, overdraftLimit }) => balance >= -overdraftLimit,
  reason: ({ balance, overdraftLimit }) =>
    `the balance would be ${formatMoney(balance)}, below the overdraft limit of ${formatMoney(overdraftLimit)}`,
});

const balanceWithinRange = invariant<Money>({
  name: 'balance-within-range',
  kind: 'state',
  holds: (balance) => balance <= MAX_BALANCE,
  reason: () => `the balance would be above ${formatMoney(MAX_BALANCE)}`,
});

const noTransferToItself = invariant<{ from: Account; to: Account }>({
  name: 'no-transfer-to-itself',
  kind: 'request',
  holds: ({ from, to }) => from.id !== to.id,
  reason: ({ from }) => `account ${from.id} cannot transfer to itself`,
});

const sameCurrency = invariant<{ from: Account; to: Account }>({
  name: 'same-currency',
  kind: 'state',
  holds: ({ from, to }) => from.state.currency === to.state.currency,
  reason: ({ from, to }) =>
    `account ${from.id} is in ${from.state.currency}, account ${to.id} in ${to.state.currency}: they differ`,
});

const balanceIsZero = invariant<Money>({
  name: 'balance-zero-to-close',
  kind: 'state',
  holds: (balance) => balance === 0n,
  reason: (balance) => `an account is closed at 0.00, this one is at ${formatMoney(balance)}`,
});

// --- Decisions. Days and ids arrive with the command.

export interface BookingOrder {
  readonly amount: Money;
  readonly occurredOn: string;
  readonly reference?: string | undefined;
}

export interface TransferOrder extends BookingOrder {
  readonly transferId: string;
}

export class Account extends AggregateRoot<AccountEvent, AccountState> {
  static readonly category = 'account';

  open(order: { districtId: number; currency: string; overdraftLimit: Money; openedOn: string }): void {
    ensure(notOpenedTwice, this.state);
    ensure(overdraftLimitNotNegative, order.overdraftLimit);
    const { districtId, currency, overdraftLimit, openedOn } = order;
    this.record({
      type: 'AccountOpened',
      data: { districtId, currency, overdraftLimit: formatMoney(overdraftLimit), openedOn },
    });
  }

  deposit(order: BookingOrder): void {
    this.record({ type: 'MoneyDeposited', data: this.booking(order, order.amount) });
  }

  withdraw(order: BookingOrder): void {
    this.record({ type: 'MoneyWithdrawn', data: this.booking(order, -order.amount) });
  }

  /** Both sides are decided, or neither; they are appended as one. */
  transferTo(to: Account, order: TransferOrder): void {
    ensure(noTransferToItself, { from: this, to });
    this.ensureActive();
    to.ensureActive();
    ensure(sameCurrency, { from: this, to });
    const { transferId } = order;
    const sent = { ...this.booking(order, -order.amount), transferId, counterparty: to.id };
    const received = { ...to.booking(order, order.amount), transferId, counterparty: this.id };
    this.record({ type: 'TransferSent', data: sent });
    to.record({ type: 'TransferReceived', data: received });
  }

  changeOverdraftLimit(overdraftLimit: Money): void {
    this.ensureActive();
    ensure(overdraftLimitNotNegative, overdraftLimit);
    ensure(balanceWithinOverdraft, { balance: this.state.balance, overdraftLimit });
    if (overdraftLimit === this.state.overdraftLimit) return;
    this.record({ type: 'OverdraftLimitChanged', data: { overdraftLimit: formatMoney(overdraftLimit) } });
  }

  close(closedOn: string): void {
    this.ensureActive();
    ensure(balanceIsZero, this.state.balance);
    this.record({ type: 'AccountClosed', data: { closedOn } });
  }

  protected override initialState(): AccountState {
    return NO_ACCOUNT;
  }

  protected override evolve(state: AccountState, event: AccountEvent): AccountState {
    switch (event.type) {
      case 'AccountOpened': {
        const { currency, districtId, overdraftLimit } = event.data;
        return { ...state, status: 'open', currency, districtId, overdraftLimit: recordedMoney(overdraftLimit) };
      }
      case 'MoneyDeposited':
      case 'TransferReceived':
        return { ...state, balance: state.balance + recordedMoney(event.data.amount) };
      case 'MoneyWithdrawn':
      case 'TransferSent':
        return { ...state, balance: state.balance - recordedMoney(event.data.amount) };
      case 'OverdraftLimitChanged':
        return { ...state, overdraftLimit: recordedMoney(event.data.overdraftLimit) };
      case 'AccountClosed':
        return { ...state, status: 'closed' };
    }
  }

  private ensureActive(): void {
    ensure(accountExists, this.state);
    ensure(closedAccountRefuses, this.state);
  }

  private booking(order: BookingOrder, change: Money): Booking {
    this.ensureActive();
    ensure(positiveAmount, order.amount);
    const balance = this.state.balance + change;
    ensure(balanceWithinRange, balance);
    if (change < 0n) ensure(balanceWithinOverdraft, { balance, overdraftLimit: this.state.overdraftLimit });
    return {
      amount: formatMoney(order.amount),
      balance: formatMoney(balance),
      occurredOn: order.occurredOn,
      ...(order.reference !== undefined && { reference: order.reference }),
    };
  }
}
