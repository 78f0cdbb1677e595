// Changes how far an account may go below zero.
import { CommandHandler } from '@nestjs/cqrs';
import { Aggregates, DomainCommand, type Handles } from '@concord/commanding';
import { Account } from '../domain/account.js';
import type { Money } from '../domain/money.js';

export interface ChangeOverdraftLimitOrder {
  readonly accountId: string;
  readonly overdraftLimit: Money;
}

export class ChangeOverdraftLimit extends DomainCommand<ChangeOverdraftLimitOrder> {}

@CommandHandler(ChangeOverdraftLimit)
export class ChangeOverdraftLimitHandler implements Handles<ChangeOverdraftLimit> {
  constructor(private readonly aggregates: Aggregates) {}

  async execute({ order }: ChangeOverdraftLimit): Promise<void> {
    const account = await this.aggregates.load(Account, order.accountId);
    account.changeOverdraftLimit(order.overdraftLimit);
  }
}
