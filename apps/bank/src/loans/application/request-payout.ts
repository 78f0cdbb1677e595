// Asks for the pay-out of a loan: what follows is the work of the process manager.
import { CommandHandler } from '@nestjs/cqrs';
import { Aggregates, DomainCommand, type Handles } from '@concord/commanding';
import { Loan, type PayoutTerms } from '../domain/loan.js';

export interface RequestPayoutOrder extends PayoutTerms {
  readonly loanId: string;
}

export class RequestPayout extends DomainCommand<RequestPayoutOrder> {}

@CommandHandler(RequestPayout)
export class RequestPayoutHandler implements Handles<RequestPayout> {
  constructor(private readonly aggregates: Aggregates) {}

  async execute({ order: { loanId, ...terms } }: RequestPayout): Promise<void> {
    const loan = await this.aggregates.load(Loan, loanId);
    loan.requestPayout(terms);
  }
}
