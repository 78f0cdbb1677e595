// What comes in at the doors of loans.
import { ArgsType } from '@nestjs/graphql';
import { AccountField, LoanAmountField, LoanIdField } from './fields.js';

const optional = true;

@ArgsType()
export class LoanPath {
  @LoanIdField()
  loanId!: string;
}

@ArgsType()
export class RequestPayoutInput {
  @LoanIdField({ optional, description: 'The id of the new loan; made when left out.' })
  loanId?: string | null;

  @AccountField({ description: 'The account that the loan is paid to.' })
  accountId!: string;

  @AccountField({ description: 'The account that the money comes from.' })
  fundingAccountId!: string;

  @AccountField({ description: 'The account in which it lies between being reserved and being paid.' })
  clearingAccountId!: string;

  @LoanAmountField()
  amount!: string;
}
