// The bank: the framework's modules, and the contexts built on them. Everything but the doors.
import { type DynamicModule, Module } from '@nestjs/common';
import { CommandingModule } from '@concord/commanding';
import { ProcessManagersModule } from '@concord/coordination';
import { DatabaseModule, type DatabaseOptions } from '@concord/database';
import { EventStoreModule } from '@concord/event-store';
import { ProjectionsModule } from '@concord/projections';
import { LedgerModule, ledgerRows } from './ledger/ledger.module.js';
import { LoansModule } from './loans/loans.module.js';

/** `runProjections: false` for command-line tools that leave asynchronous projections and process managers to the app. */
export interface BankOptions extends Omit<DatabaseOptions, 'rows'> {
  readonly runProjections?: boolean;
}

@Module({})
export class BankModule {
  static forRoot({ runProjections = true, ...database }: BankOptions = {}): DynamicModule {
    return {
      module: BankModule,
      imports: [
        DatabaseModule.forRoot({ ...database, rows: ledgerRows }),
        EventStoreModule.forRoot(),
        CommandingModule.forRoot(),
        ProjectionsModule.forRoot({ run: runProjections }),
        ProcessManagersModule.forRoot({ run: runProjections }),
        LedgerModule,
        LoansModule,
      ],
      exports: [LedgerModule],
    };
  }
}
