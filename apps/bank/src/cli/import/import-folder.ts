// Imports a folder for the running tenant: districts, then accounts, then transactions, each row as one command.
// It may be stopped or killed at any moment and run again: every row is applied once.
import type { INestApplicationContext } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { EventStore } from '@concord/event-store';
import { type GlobalPosition, newId, runInMessage } from '@concord/kernel';
import { ReadModels } from '@concord/projections';
import { accountForm, districtForm, transactionForm } from './forms.js';
import type { ImportOptions } from './import-options.js';
import type { ImportSource, Survey } from './import-source.js';
import { OverdraftLimits } from './overdraft-limits.js';
import { RowImport, type Tally } from './row-import.js';
import type { Read } from './rows.js';
import { sendAccount, sendDistrict, type Sending, sendTransaction } from './sendings.js';

export interface ImportSummary {
  readonly files: readonly { readonly file: string; readonly tally: Tally }[];
  /** Of the last event that was added. */
  readonly position: GlobalPosition | undefined;
}

/** Errors: those of the store (the database is gone); run it again to go on. */
export async function importFolder(
  app: INestApplicationContext,
  source: ImportSource,
  survey: Survey,
  options: ImportOptions,
): Promise<ImportSummary> {
  const commands = app.get(CommandBus, { strict: false });
  const limits = new OverdraftLimits(commands, app.get(ReadModels, { strict: false }), survey.overdrafts);
  const refusedAccounts = new Set<string>();
  const rows = new RowImport(commands, app.get(EventStore, { strict: false }), options);

  const account = (id: string): string | undefined => {
    const line = survey.accountLines.get(id);
    if (line === undefined) return `account ${id} is not in ${accountForm.file}`;
    return refusedAccounts.has(id) ? `account ${id} was refused: see ${accountForm.file}:${line}` : undefined;
  };

  await runInMessage({ correlationId: newId() }, async () => {
    await rows.file(districtForm.file, toSend(source.districts(), sendDistrict));
    await rows.file(
      accountForm.file,
      toSend(source.accounts(), (row) => sendAccount(row, options.currency, limits.of(row.id))),
      { onRefused: ({ id }) => refusedAccounts.add(id) },
    );
    await rows.file(transactionForm.file, toSend(source.transactions(), sendTransaction), {
      check: ({ lane }) => account(lane),
      prepare: ({ lane }) => limits.ensure(lane),
    });
  });
  return { files: rows.tallies, position: rows.position };
}

async function* toSend<Row>(
  reads: AsyncIterable<Read<Row>>,
  sending: (row: Row) => Sending,
): AsyncGenerator<Read<Sending>, void> {
  for await (const read of reads) yield read.refused === undefined ? { line: read.line, row: sending(read.row) } : read;
}
