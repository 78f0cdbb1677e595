// The use cases of the ledger that span stores and services, as far as those are there.
import { type DynamicModule, Module } from '@nestjs/common';
import { CommandingModule } from '@concord/commanding';
import { OpenBranchAccount, OpenBranchAccountHandler } from './application/open-branch-account.js';
import { PayPartner, PayPartnerHandler } from './application/pay-partner.js';
import { TransferBetweenStores, TransferBetweenStoresHandler } from './application/transfer-between-stores.js';

@Module({})
export class DistributedLedgerModule {
  static with({ branch, partner }: { readonly branch: boolean; readonly partner: boolean }): DynamicModule {
    return {
      module: DistributedLedgerModule,
      imports: [
        ...(branch ? [CommandingModule.forContext([OpenBranchAccount, TransferBetweenStores])] : []),
        ...(partner ? [CommandingModule.forContext([PayPartner])] : []),
      ],
      providers: [
        ...(branch ? [OpenBranchAccountHandler, TransferBetweenStoresHandler] : []),
        ...(partner ? [PayPartnerHandler] : []),
      ],
    };
  }
}
