// Pays into an account at another bank: our account is debited and theirs credited, or nothing is done.
import { CommandHandler } from '@nestjs/cqrs';
import { DomainCommand, type Handles } from '@concord/commanding';
import { Transactional, TransactionalWork } from '@concord/coordination';
import { MAIN, PARTNER, type PartnerCredit } from '../../contracts/participants.js';
import { Account, type BookingOrder } from '../domain/account.js';
import { formatMoney } from '../domain/money.js';

export interface PayPartnerOrder extends BookingOrder {
  readonly paymentId: string;
  readonly from: string;
  readonly partnerAccount: string;
}

export class PayPartner extends DomainCommand<PayPartnerOrder> {}

@Transactional({ participants: [MAIN, PARTNER] })
@CommandHandler(PayPartner)
export class PayPartnerHandler implements Handles<PayPartner> {
  constructor(private readonly work: TransactionalWork) {}

  async execute({ order }: PayPartner): Promise<void> {
    const { from, partnerAccount: account, paymentId, amount } = order;
    const payer = await this.work.store(MAIN).load(Account, from);
    payer.withdraw(order);
    const credit: PartnerCredit = {
      account,
      amount: formatMoney(amount),
      currency: payer.state.currency,
      paymentId,
      from,
    };
    this.work.enlist(PARTNER, credit);
  }
}
