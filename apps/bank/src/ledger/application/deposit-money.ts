// Puts money into an account.
import { CommandHandler } from '@nestjs/cqrs';
import { Aggregates, DomainCommand, type Handles } from '@concord/commanding';
import { Account, type BookingOrder } from '../domain/account.js';

export interface DepositMoneyOrder extends BookingOrder {
  readonly accountId: string;
}

export class DepositMoney extends DomainCommand<DepositMoneyOrder> {}

@CommandHandler(DepositMoney)
export class DepositMoneyHandler implements Handles<DepositMoney> {
  constructor(private readonly aggregates: Aggregates) {}

  async execute({ order }: DepositMoney): Promise<void> {
    const account = await this.aggregates.load(Account, order.accountId);
    account.deposit(order);
  }
}
