// Closes an account whose balance is zero.
import { CommandHandler } from '@nestjs/cqrs';
import { Aggregates, DomainCommand, type Handles } from '@concord/commanding';
import { Account } from '../domain/account.js';

export interface CloseAccountOrder {
  readonly accountId: string;
  /** An ISO date. */
  readonly closedOn: string;
}

export class CloseAccount extends DomainCommand<CloseAccountOrder> {}

@CommandHandler(CloseAccount)
export class CloseAccountHandler implements Handles<CloseAccount> {
  constructor(private readonly aggregates: Aggregates) {}

  async execute({ order }: CloseAccount): Promise<void> {
    const account = await this.aggregates.load(Account, order.accountId);
    account.close(order.closedOn);
  }
}
