// Opens an account in the store of the branch.
import { CommandHandler } from '@nestjs/cqrs';
import { DomainCommand, type Handles } from '@concord/commanding';
import { Transactional, TransactionalWork } from '@concord/coordination';
import { BRANCH } from '../../contracts/participants.js';
import { Account } from '../domain/account.js';
import type { OpenAccountOrder } from './open-account.js';

export class OpenBranchAccount extends DomainCommand<OpenAccountOrder> {}

@Transactional({ participants: [BRANCH] })
@CommandHandler(OpenBranchAccount)
export class OpenBranchAccountHandler implements Handles<OpenBranchAccount> {
  constructor(private readonly work: TransactionalWork) {}

  async execute({ order }: OpenBranchAccount): Promise<void> {
    const account = await this.work.store(BRANCH).load(Account, order.accountId);
    account.open(order);
  }
}
