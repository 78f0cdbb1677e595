// The bounded context "ledger": accounts, and the districts they lie in.
import { Module } from '@nestjs/common';
import { CommandingModule } from '@concord/commanding';
import { ledgerCommands, ledgerHandlers } from './application/index.js';
import { AccountRow } from './read-models/accounts/account.row.js';
import { AccountsProjector } from './read-models/accounts/accounts.projector.js';
import { AccountsQuery } from './read-models/accounts/accounts.query.js';
import { DistrictRow } from './read-models/districts/district.row.js';
import { DistrictsProjector } from './read-models/districts/districts.projector.js';
import { StatementLineRow } from './read-models/statement/statement-line.row.js';
import { StatementProjector } from './read-models/statement/statement.projector.js';
import { StatementQuery } from './read-models/statement/statement.query.js';
import { AccountHomeRow } from './read-models/totals/account-home.row.js';
import { DistrictTotalsRow } from './read-models/totals/district-totals.row.js';
import { TotalsProjector } from './read-models/totals/totals.projector.js';
import { TotalsQuery } from './read-models/totals/totals.query.js';

/** Every row class of the context, for the database. */
export const ledgerRows = [AccountRow, DistrictRow, StatementLineRow, DistrictTotalsRow, AccountHomeRow];

const projectors = [AccountsProjector, DistrictsProjector, StatementProjector, TotalsProjector];
const queries = [AccountsQuery, StatementQuery, TotalsQuery];

@Module({
  imports: [CommandingModule.forContext(ledgerCommands)],
  providers: [...ledgerHandlers, ...projectors, ...queries],
  exports: [...queries],
})
export class LedgerModule {}
