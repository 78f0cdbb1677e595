// The doors of the ledger. Apart from LedgerModule, so that command-line tools start without them.
import { Module } from '@nestjs/common';
import { ReadModelWait } from '../../http/read-model-wait.js';
import { LedgerModule } from '../ledger.module.js';
import { AccountHistory } from './account-history.js';
import { AccountsController } from './accounts.controller.js';
import { BranchController } from './branch.controller.js';
import { DistributedWrites } from './distributed-writes.js';
import { LedgerReads } from './ledger-reads.js';
import { LedgerResolver } from './ledger.resolver.js';
import { LedgerWrites } from './ledger-writes.js';
import { PartnerPaymentsController } from './partner-payments.controller.js';
import { RegionReads } from './region-reads.js';
import { RegionsController } from './regions.controller.js';
import { TransfersController } from './transfers.controller.js';

@Module({
  imports: [LedgerModule],
  controllers: [
    AccountsController,
    TransfersController,
    RegionsController,
    BranchController,
    PartnerPaymentsController,
  ],
  providers: [LedgerReads, RegionReads, LedgerWrites, DistributedWrites, LedgerResolver, AccountHistory, ReadModelWait],
})
export class LedgerApiModule {}
