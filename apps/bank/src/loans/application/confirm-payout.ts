// The money has arrived.
import { CommandHandler } from '@nestjs/cqrs';
import { Aggregates, DomainCommand, type Handles } from '@concord/commanding';
import { Loan } from '../domain/loan.js';

export class ConfirmPayout extends DomainCommand<{ readonly loanId: string }> {}

@CommandHandler(ConfirmPayout)
export class ConfirmPayoutHandler implements Handles<ConfirmPayout> {
  constructor(private readonly aggregates: Aggregates) {}

  async execute({ order }: ConfirmPayout): Promise<void> {
    const loan = await this.aggregates.load(Loan, order.loanId);
    loan.confirmPayout();
  }
}
