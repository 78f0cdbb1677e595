// The bounded context, and an app around it.
import { type DynamicModule, Module } from '@nestjs/common';
import { CommandingModule } from '@concord/commanding';
import { DatabaseModule } from '@concord/database';
import { EventStoreModule } from '@concord/event-store';
import { ProjectionsModule } from '@concord/projections';
import { AcquireBook, AcquireBookHandler, LendBook, LendBookHandler } from './commands.js';
import { LoanRow, LoansProjector } from './loans.js';

@Module({
  imports: [CommandingModule.forContext([AcquireBook, LendBook])],
  providers: [AcquireBookHandler, LendBookHandler, LoansProjector],
})
export class LibraryModule {}

@Module({})
export class LibraryApp {
  static forDatabase(url: string): DynamicModule {
    return {
      module: LibraryApp,
      imports: [
        DatabaseModule.forRoot({ url, rows: [LoanRow] }),
        EventStoreModule.forRoot(),
        CommandingModule.forRoot(),
        ProjectionsModule.forRoot(),
        LibraryModule,
      ],
    };
  }
}
