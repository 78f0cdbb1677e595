// Moves money between two accounts, as one atomic change of both.
import { CommandHandler } from '@nestjs/cqrs';
import { Aggregates, DomainCommand, type Handles } from '@concord/commanding';
import { Account, type TransferOrder } from '../domain/account.js';

export interface TransferMoneyOrder extends TransferOrder {
  readonly from: string;
  readonly to: string;
}

export class TransferMoney extends DomainCommand<TransferMoneyOrder> {}

@CommandHandler(TransferMoney)
export class TransferMoneyHandler implements Handles<TransferMoney> {
  constructor(private readonly aggregates: Aggregates) {}

  async execute({ order }: TransferMoney): Promise<void> {
    const [from, to] = (await this.aggregates.loadAll(Account, [order.from, order.to])) as [Account, Account];
    from.transferTo(to, order);
  }
}
