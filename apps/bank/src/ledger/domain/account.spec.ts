// Every decision of an account, and every invariant by its name.
import { given } from '@concord/domain';
import { Account, type AccountEvent } from './account.js';

const opened = (overrides: Partial<{ overdraftLimit: string; currency: string }> = {}): AccountEvent => ({
  type: 'AccountOpened',
  data: { districtId: 7, currency: 'CZK', overdraftLimit: '0.00', openedOn: '2026-01-01', ...overrides },
});
const deposited = (amount: string, balance: string): AccountEvent => ({
  type: 'MoneyDeposited',
  data: { amount, balance, occurredOn: '2026-01-02' },
});
const closed: AccountEvent = { type: 'AccountClosed', data: { closedOn: '2026-01-31' } };
const account = (...history: AccountEvent[]) => given(Account, 'a-1', ...history);
const other = (id: string, ...history: AccountEvent[]): Account => new Account(id).replay(history);
const today = { occurredOn: '2026-02-01' };

describe('an account', () => {
  it('is opened', () => {
    account()
      .when((a) => a.open({ districtId: 7, currency: 'CZK', overdraftLimit: 0n, openedOn: '2026-01-01' }))
      .then(opened())
      .thenState({ status: 'open', balance: 0n, overdraftLimit: 0n, currency: 'CZK', districtId: 7 });
  });

  it('books a deposit with its balance, and keeps a reference when there is one', () => {
    account(opened(), deposited('1.00', '1.00'))
      .when((a) => a.deposit({ amount: 70_000n, reference: 'salary', ...today }))
      .then({ type: 'MoneyDeposited', data: { amount: '700.00', balance: '701.00', reference: 'salary', ...today } });
  });

  it('books a withdrawal down to its overdraft limit', () => {
    account(opened({ overdraftLimit: '5.00' }), deposited('1.00', '1.00'))
      .when((a) => a.withdraw({ amount: 600n, ...today }))
      .then({ type: 'MoneyWithdrawn', data: { amount: '6.00', balance: '-5.00', ...today } });
  });

  it('transfers: both sides name each other', () => {
    const to = other('b-1', opened());
    account(opened(), deposited('9.00', '9.00'))
      .when((a) => a.transferTo(to, { amount: 400n, transferId: 't-1', ...today }))
      .then({
        type: 'TransferSent',
        data: { amount: '4.00', balance: '5.00', transferId: 't-1', counterparty: 'b-1', ...today },
      });
    expect(to.decidedEvents).toEqual([
      {
        type: 'TransferReceived',
        data: { amount: '4.00', balance: '4.00', transferId: 't-1', counterparty: 'a-1', ...today },
      },
    ]);
  });

  it('changes its overdraft limit, and records nothing when it stays', () => {
    account(opened())
      .when((a) => a.changeOverdraftLimit(500n))
      .then({ type: 'OverdraftLimitChanged', data: { overdraftLimit: '5.00' } });
    account(opened({ overdraftLimit: '5.00' }))
      .when((a) => a.changeOverdraftLimit(500n))
      .thenNothing();
  });

  it('is closed', () => {
    account(opened())
      .when((a) => a.close('2026-01-31'))
      .then(closed);
  });

  it('replays what was recorded, whatever the rules say today', () => {
    const withdrawn: AccountEvent = {
      type: 'MoneyWithdrawn',
      data: { amount: '50.00', balance: '-50.00', occurredOn: '2026-01-02' },
    };
    expect(other('a-1', opened(), closed, withdrawn).state.balance).toBe(-5000n);
  });

  it('holds balances far beyond 2^53', () => {
    account(opened(), deposited('999999999999999.99', '999999999999999.99'))
      .when((a) => a.deposit({ amount: 99_999_999_999_999_999n, ...today }))
      .thenState({
        status: 'open',
        balance: 199_999_999_999_999_998n,
        overdraftLimit: 0n,
        currency: 'CZK',
        districtId: 7,
      });
  });
});

describe('invariants of an account', () => {
  it('account-opened-once', () => {
    account(opened())
      .when((a) => a.open({ districtId: 7, currency: 'CZK', overdraftLimit: 0n, openedOn: '2026-01-01' }))
      .thenBroken('account-opened-once');
  });

  it('account-exists', () => {
    account()
      .when((a) => a.deposit({ amount: 1n, ...today }))
      .thenBroken('account-exists');
    account(opened(), deposited('9.00', '9.00'))
      .when((a) => a.transferTo(other('b-1'), { amount: 1n, transferId: 't', ...today }))
      .thenBroken('account-exists');
  });

  it('closed-account-refuses', () => {
    for (const decide of [
      (a: Account) => a.deposit({ amount: 1n, ...today }),
      (a: Account) => a.withdraw({ amount: 1n, ...today }),
      (a: Account) => a.changeOverdraftLimit(1n),
      (a: Account) => a.close('2026-02-01'),
      (a: Account) => a.transferTo(other('b-1', opened()), { amount: 1n, transferId: 't', ...today }),
      (a: Account) =>
        other('b-1', opened(), deposited('1.00', '1.00')).transferTo(a, { amount: 1n, transferId: 't', ...today }),
    ]) {
      account(opened(), closed).when(decide).thenBroken('closed-account-refuses', 'the account is closed');
    }
  });

  it('positive-amount', () => {
    for (const amount of [0n, -1n]) {
      account(opened())
        .when((a) => a.deposit({ amount, ...today }))
        .thenBroken('positive-amount', /above zero/);
      account(opened())
        .when((a) => a.withdraw({ amount, ...today }))
        .thenBroken('positive-amount');
    }
  });

  it('balance-within-overdraft-limit', () => {
    account(opened({ overdraftLimit: '5.00' }))
      .when((a) => a.withdraw({ amount: 501n, ...today }))
      .thenBroken('balance-within-overdraft-limit', 'the balance would be -5.01, below the overdraft limit of 5.00');
    account(opened({ overdraftLimit: '5.00' }), {
      type: 'MoneyWithdrawn',
      data: { amount: '4.00', balance: '-4.00', occurredOn: '2026-01-02' },
    })
      .when((a) => a.changeOverdraftLimit(399n))
      .thenBroken('balance-within-overdraft-limit');
  });

  it('balance-within-overdraft-limit leaves the receiver of a refused transfer untouched', () => {
    const to = other('b-1', opened());
    account(opened())
      .when((a) => a.transferTo(to, { amount: 1n, transferId: 't', ...today }))
      .thenBroken('balance-within-overdraft-limit');
    expect(to.decidedEvents).toEqual([]);
  });

  it('balance-within-range', () => {
    account(opened(), deposited('999999999999999.99', '1'))
      .when((a) => {
        for (let time = 0; time < 5; time += 1) a.deposit({ amount: 10n ** 30n, ...today });
      })
      .thenBroken('balance-within-range');
  });

  it('overdraft-limit-not-negative', () => {
    account(opened())
      .when((a) => a.changeOverdraftLimit(-1n))
      .thenBroken('overdraft-limit-not-negative');
    account()
      .when((a) => a.open({ districtId: 7, currency: 'CZK', overdraftLimit: -1n, openedOn: '2026-01-01' }))
      .thenBroken('overdraft-limit-not-negative');
  });

  it('no-transfer-to-itself', () => {
    account(opened(), deposited('9.00', '9.00'))
      .when((a) => a.transferTo(a, { amount: 1n, transferId: 't', ...today }))
      .thenBroken('no-transfer-to-itself');
  });

  it('same-currency', () => {
    account(opened(), deposited('9.00', '9.00'))
      .when((a) => a.transferTo(other('b-1', opened({ currency: 'EUR' })), { amount: 1n, transferId: 't', ...today }))
      .thenBroken('same-currency');
  });

  it('balance-zero-to-close', () => {
    account(opened(), deposited('9.00', '9.00'))
      .when((a) => a.close('2026-02-01'))
      .thenBroken('balance-zero-to-close', /9\.00/);
  });
});
