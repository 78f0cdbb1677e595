// Takes money out of an account.
import { CommandHandler } from '@nestjs/cqrs';
import { Aggregates, DomainCommand, type Handles } from '@concord/commanding';
import { Account, type BookingOrder } from '../domain/account.js';

export interface WithdrawMoneyOrder extends BookingOrder {
  readonly accountId: string;
}

export class WithdrawMoney extends DomainCommand<WithdrawMoneyOrder> {}

@CommandHandler(WithdrawMoney)
export class WithdrawMoneyHandler implements Handles<WithdrawMoney> {
  constructor(private readonly aggregates: Aggregates) {}

  async execute({ order }: WithdrawMoney): Promise<void> {
    const account = await this.aggregates.load(Account, order.accountId);
    account.withdraw(order);
  }
}
