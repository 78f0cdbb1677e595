// What the doors of loans show.
import { ObjectType } from '@nestjs/graphql';
import { Shown, ShownRevision } from '../../http/shown-field.js';

@ObjectType('Loan')
export class LoanView {
  @Shown('The id of the loan.', { example: 'l-4711' })
  loanId!: string;

  @Shown('The account that the loan is paid to.', { example: 'a-4711' })
  accountId!: string;

  @Shown('What is paid out.', { example: '700.00' })
  amount!: string;

  @Shown('`requested`, `paid-out` or `failed`.', { example: 'paid-out' })
  status!: string;

  @Shown('Why it failed; null unless it did.', { nullable: true })
  reason!: string | null;

  @ShownRevision('Of the loan: 0 when it was requested, one more with each event.', { example: 1 })
  revision!: number;
}

@ObjectType('LoanChanged')
export class LoanChangedView {
  @Shown('The id of the loan.', { example: 'l-4711' })
  loanId!: string;

  @ShownRevision('Of the loan, now.', { example: 0 })
  revision!: number;

  @Shown('In the order of all events.', { example: '1042' })
  position!: string;
}
