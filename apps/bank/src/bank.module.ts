// The bank: the framework's modules, and the contexts built on them. Everything but the doors.
import { type DynamicModule, Module } from '@nestjs/common';
import { CommandingModule } from '@concord/commanding';
import { ProcessManagersModule } from '@concord/coordination';
import { DatabaseModule, type DatabaseOptions } from '@concord/database';
import { EventStoreModule } from '@concord/event-store';
import { LockingModule } from '@concord/locking';
import { ProjectionsModule } from '@concord/projections';
import { DistributedLedgerModule } from './ledger/distributed-ledger.module.js';
import { LedgerModule, ledgerRows } from './ledger/ledger.module.js';
import { LoansModule } from './loans/loans.module.js';
import { StoresModule } from './stores/stores.module.js';
import type { StoresSettings } from './stores/stores-settings.js';

/** `runProjections: false` for command-line tools that leave asynchronous projections and process managers to the app; `deployProjections: false` for those that build nothing that is new in this code either. `branch`, `partner`: what transactions span beside its own store. */
export interface BankOptions extends Omit<DatabaseOptions, 'rows' | 'named'>, StoresSettings {
  readonly runProjections?: boolean;
  readonly deployProjections?: boolean;
}

@Module({})
export class BankModule {
  static forRoot({
    runProjections = true,
    deployProjections = true,
    branch,
    partner,
    ...database
  }: BankOptions = {}): DynamicModule {
    return {
      module: BankModule,
      imports: [
        DatabaseModule.forRoot({ ...database, rows: ledgerRows }),
        EventStoreModule.forRoot(),
        LockingModule.forRoot(),
        CommandingModule.forRoot(),
        ProjectionsModule.forRoot({ run: runProjections, deploy: deployProjections }),
        ProcessManagersModule.forRoot({ run: runProjections }),
        StoresModule.forRoot({ ...(branch && { branch }), ...(partner && { partner }) }),
        LedgerModule,
        DistributedLedgerModule.with({ branch: branch !== undefined, partner: partner !== undefined }),
        LoansModule,
      ],
      exports: [LedgerModule],
    };
  }
}
