// The pay-out of a loan, over two contexts: reserve the money, pay it, confirm; or put it back.
import {
  type CompensatedProcess,
  OnApplied,
  OnCompensated,
  OnTimer,
  ProcessManager,
  type ProcessStep,
  StartsOn,
} from '@concord/coordination';
import type { RecordedEvent } from '@concord/kernel';
import { MoveMoney, type MoveMoneyOrder } from '../../contracts/ledger-commands.js';
import type { LoanPayoutRequested, PayoutTerms } from '../domain/loan.js';
import { ConfirmPayout } from './confirm-payout.js';
import { GiveUpPayout } from './give-up-payout.js';

type Step = ProcessStep<PayoutTerms>;

@ProcessManager({ name: 'loanPayout', commands: [MoveMoney, ConfirmPayout, GiveUpPayout], from: 0n })
export class LoanPayout {
  @StartsOn<LoanPayoutRequested>('LoanPayoutRequested', ({ data }) => data.loanId)
  reserve({ data: { loanId: _, ...terms } }: RecordedEvent<LoanPayoutRequested>, process: Step): void {
    process.become(terms);
    const { fundingAccountId: funding, clearingAccountId: clearing } = terms;
    process.send('reserve', move(process, 'reserve', { from: funding, to: clearing }), {
      compensation: move(process, 'put-back', { from: clearing, to: funding }),
    });
    process.after('15 minutes', 'overdue');
  }

  @OnApplied('reserve')
  pay(_: object, process: Step): void {
    const { clearingAccountId: from, accountId: to } = process.state;
    process.send('pay', move(process, 'pay', { from, to }));
  }

  @OnApplied('pay')
  confirm(_: object, process: Step): void {
    process.cancel('overdue');
    process.send('confirm', new ConfirmPayout({ loanId: process.id }));
    process.complete();
  }

  @OnTimer('overdue')
  overdue(_: object, process: Step): void {
    process.fail('it was not paid within 15 minutes');
  }

  @OnCompensated()
  giveUp({ reason }: CompensatedProcess, process: Step): void {
    process.send('give up', new GiveUpPayout({ loanId: process.id, reason }));
  }
}

function move({ id, state }: Step, what: string, between: Pick<MoveMoneyOrder, 'from' | 'to'>): MoveMoney {
  const { amount, requestedOn: occurredOn } = state;
  return new MoveMoney({ ...between, transferId: `${id}-${what}`, amount, occurredOn, reference: `loan ${id}` });
}
