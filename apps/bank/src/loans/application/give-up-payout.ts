// The money cannot be paid out, and is back where it came from.
import { CommandHandler } from '@nestjs/cqrs';
import { Aggregates, DomainCommand, type Handles } from '@concord/commanding';
import { Loan } from '../domain/loan.js';

export class GiveUpPayout extends DomainCommand<{ readonly loanId: string; readonly reason: string }> {}

@CommandHandler(GiveUpPayout)
export class GiveUpPayoutHandler implements Handles<GiveUpPayout> {
  constructor(private readonly aggregates: Aggregates) {}

  async execute({ order: { loanId, reason } }: GiveUpPayout): Promise<void> {
    const loan = await this.aggregates.load(Loan, loanId);
    loan.giveUpPayout(reason);
  }
}
