import { givenProcess } from '@concord/coordination';
import { MoveMoney } from '../../contracts/ledger-commands.js';
import type { LoanPayoutRequested, PayoutTerms } from '../domain/loan.js';
import { ConfirmPayout } from './confirm-payout.js';
import { LoanPayout } from './loan-payout.process.js';

const terms: PayoutTerms = {
  accountId: 'borrower',
  fundingAccountId: 'funds',
  clearingAccountId: 'clearing',
  amount: '10.00',
  requestedOn: '2026-01-01',
};
const requested: LoanPayoutRequested = { type: 'LoanPayoutRequested', data: { loanId: 'l-1', ...terms } };
const payout = (...happened: Parameters<typeof givenProcess>[2][]) =>
  givenProcess<PayoutTerms>(new LoanPayout(), 'l-1', ...happened);
const booking = { amount: '10.00', occurredOn: '2026-01-01', reference: 'loan l-1' };
const putBack = new MoveMoney({ transferId: 'l-1-put-back', from: 'clearing', to: 'funds', ...booking });

describe('the pay-out of a loan', () => {
  it('reserves, pays and confirms', () => {
    payout()
      .when(requested)
      .thenSends({
        step: 'reserve',
        command: new MoveMoney({ transferId: 'l-1-reserve', from: 'funds', to: 'clearing', ...booking }),
        compensation: putBack,
      })
      .thenTimers({ name: 'overdue', after: '15 minutes' })
      .thenState(terms);
    payout(requested)
      .when({ applied: 'reserve' })
      .thenSends({
        step: 'pay',
        command: new MoveMoney({ transferId: 'l-1-pay', from: 'clearing', to: 'borrower', ...booking }),
      });
    payout(requested, { applied: 'reserve' })
      .when({ applied: 'pay' })
      .thenSends({ step: 'confirm', command: new ConfirmPayout({ loanId: 'l-1' }) })
      .thenCancels('overdue')
      .thenCompletes();
  });

  it('puts the money back when it cannot be paid, or takes too long', () => {
    payout(requested).when({ refused: 'reserve', reason: 'no money' }).thenFails('reserve was refused: no money');
    payout(requested, { applied: 'reserve' })
      .when({ refused: 'pay', reason: 'closed' })
      .thenFails('pay was refused: closed', putBack);
    payout(requested, { applied: 'reserve' })
      .when({ timer: 'overdue' })
      .thenFails(/15 minutes/, putBack);
  });
});
