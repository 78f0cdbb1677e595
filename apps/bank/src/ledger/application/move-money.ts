// Moves money for another context: what it may ask for is in contracts/.
import { CommandHandler } from '@nestjs/cqrs';
import { Aggregates, type Handles } from '@concord/commanding';
import { MoveMoney } from '../../contracts/ledger-commands.js';
import { Account } from '../domain/account.js';
import { parseMoney } from '../domain/money.js';

export { MoveMoney };

@CommandHandler(MoveMoney)
export class MoveMoneyHandler implements Handles<MoveMoney> {
  constructor(private readonly aggregates: Aggregates) {}

  async execute({ order }: MoveMoney): Promise<void> {
    const [from, to] = (await this.aggregates.loadAll(Account, [order.from, order.to])) as [Account, Account];
    from.transferTo(to, { ...order, amount: parseMoney(order.amount) });
  }
}
