// Moves money between two accounts that live in two stores: in both, or in neither.
import { CommandHandler } from '@nestjs/cqrs';
import { DomainCommand, type Handles } from '@concord/commanding';
import { Transactional, TransactionalWork } from '@concord/coordination';
import { BRANCH, MAIN, type StoreName } from '../../contracts/participants.js';
import { Account, type TransferOrder } from '../domain/account.js';

export interface TransferBetweenStoresOrder extends TransferOrder {
  readonly from: { readonly store: StoreName; readonly accountId: string };
  readonly to: { readonly store: StoreName; readonly accountId: string };
}

export class TransferBetweenStores extends DomainCommand<TransferBetweenStoresOrder> {}

@Transactional({ participants: [MAIN, BRANCH] })
@CommandHandler(TransferBetweenStores)
export class TransferBetweenStoresHandler implements Handles<TransferBetweenStores> {
  constructor(private readonly work: TransactionalWork) {}

  async execute({ order }: TransferBetweenStores): Promise<void> {
    const from = await this.work.store(order.from.store).load(Account, order.from.accountId);
    const to = await this.work.store(order.to.store).load(Account, order.to.accountId);
    from.transferTo(to, order);
  }
}
