import { given } from '@concord/domain';
import { Loan, type LoanEvent, type PayoutTerms } from './loan.js';

const terms: PayoutTerms = {
  accountId: 'a',
  fundingAccountId: 'funds',
  clearingAccountId: 'clearing',
  amount: '10.00',
  requestedOn: '2026-01-01',
};
const requested: LoanEvent = { type: 'LoanPayoutRequested', data: { loanId: 'l-1', ...terms } };
const loan = (...history: LoanEvent[]) => given(Loan, 'l-1', ...history);

describe('the pay-out of a loan', () => {
  it('is requested, and confirmed or given up', () => {
    loan()
      .when((it) => it.requestPayout(terms))
      .then(requested);
    loan(requested)
      .when((it) => it.confirmPayout())
      .then({ type: 'LoanPaidOut', data: {} });
    loan(requested)
      .when((it) => it.giveUpPayout('closed'))
      .then({ type: 'LoanPayoutFailed', data: { reason: 'closed' } });
  });

  it('loan-requested-once', () => {
    loan(requested)
      .when((it) => it.requestPayout(terms))
      .thenBroken('loan-requested-once');
  });

  it('payout-under-way', () => {
    loan()
      .when((it) => it.confirmPayout())
      .thenBroken('payout-under-way');
    loan(requested, { type: 'LoanPaidOut', data: {} })
      .when((it) => it.giveUpPayout('late'))
      .thenBroken('payout-under-way');
  });

  it.each(['0.00', '-1.00'])('positive-amount: %s', (amount) => {
    loan()
      .when((it) => it.requestPayout({ ...terms, amount }))
      .thenBroken('positive-amount');
  });

  it('three-accounts', () => {
    loan()
      .when((it) => it.requestPayout({ ...terms, clearingAccountId: 'funds' }))
      .thenBroken('three-accounts');
  });
});
