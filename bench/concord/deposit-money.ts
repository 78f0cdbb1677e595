// The command, and the handler that Nest's CommandBus finds.
import { Aggregates, DomainCommand, type Handles } from '@concord/commanding';
import { CommandHandler } from '@nestjs/cqrs';
import type { Deposit } from '../account.js';
import { Account } from './account.aggregate.js';

export class DepositMoney extends DomainCommand<Deposit> {}

@CommandHandler(DepositMoney)
export class DepositMoneyHandler implements Handles<DepositMoney> {
  constructor(private readonly aggregates: Aggregates) {}

  async execute({ order }: DepositMoney): Promise<void> {
    const account = await this.aggregates.load(Account, order.accountId);
    account.deposit(order);
  }
}
