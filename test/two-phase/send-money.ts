// A command whose transaction spans two stores and a service: what a user of @Transactional writes.
import { CommandHandler } from '@nestjs/cqrs';
import { DomainCommand, type Handles } from '@concord/commanding';
import { Transactional, TransactionalWork } from '@concord/coordination';
import { Purse } from './purse.js';

export interface SendMoneyOrder {
  readonly from: string;
  readonly to: string;
  readonly amount: bigint;
  readonly fee: bigint;
}

export class SendMoney extends DomainCommand<SendMoneyOrder> {}

@Transactional({ participants: ['a', 'b', 'purse-service'] })
@CommandHandler(SendMoney)
export class SendMoneyHandler implements Handles<SendMoney> {
  constructor(private readonly work: TransactionalWork) {}

  async execute({ order }: SendMoney): Promise<void> {
    const from = await this.work.store('a').load(Purse, order.from);
    const to = await this.work.store('b').load(Purse, order.to);
    from.move(-order.amount - order.fee);
    to.move(order.amount);
    // What the service is to do, in its own words.
    this.work.enlist('purse-service', { purse: 'fees', amount: order.fee.toString() });
  }
}
