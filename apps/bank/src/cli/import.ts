// npm run import -- --dir <folder> --tenant <id>
// Brings a folder of accounts.csv, districts.csv and transactions.csv into a tenant. It may be run again at any time.
import { Command } from 'commander';
import { runInTenant } from '@concord/tenancy';
import { importFolder, type ImportSummary } from './import/import-folder.js';
import { ImportSource } from './import/import-source.js';
import { RefusalReport } from './import/refusal-report.js';
import { headOf, withBank } from './terminal/bank-process.js';
import { catchUp } from './terminal/catch-up.js';
import {
  currencyOption,
  EXIT,
  type ExitCode,
  folderOption,
  messageOf,
  numberOption,
  runCommand,
  tenantOption,
} from './terminal/command-line.js';
import { interruption } from './terminal/interruption.js';
import { Progress } from './terminal/progress.js';
import { table } from './terminal/table.js';

interface Options {
  readonly dir: string;
  readonly tenant: string;
  readonly currency: string;
  readonly concurrency: number;
  readonly errors?: string;
}

const AGAIN = 'Run the same command again: it goes on from there, and adds nothing twice.';

const command = new Command('import')
  .description('Imports accounts.csv, districts.csv and transactions.csv of a folder.')
  .requiredOption('--dir <folder>', 'where the files are', folderOption)
  .requiredOption('--tenant <id>', 'whose data it becomes', tenantOption)
  .option('--currency <code>', 'of all amounts', currencyOption, 'CZK')
  .option('--concurrency <accounts>', 'accounts at work at once', numberOption(1, 100), 16)
  .option('--errors <file>', 'where to write all refused rows');

await runCommand(command, run);

async function run({ dir, tenant, currency, concurrency, errors }: Options): Promise<ExitCode> {
  const source = await ImportSource.open(dir);
  if (source.notice) console.error(source.notice);
  const survey = await source.survey();
  const { districts, accounts, transactions } = survey.rows;
  const signal = interruption('Stopping after the rows in hand (Ctrl-C again: at once) ...');

  return withBank(
    (app) =>
      runInTenant(tenant, async () => {
        const before = (await headOf(app, tenant)) ?? 0n;
        // First what may refuse: progress goes on until it is stopped.
        const refusals = new RefusalReport(errors, (line) => progress.note(line));
        const progress = new Progress('import', 'rows', districts + accounts + transactions);
        const onProgress = (rows: number): void => progress.update(rows);
        const begun = Date.now();
        let summary: ImportSummary;
        try {
          const settings = { currency, concurrency, signal, onProgress, onRefused: refusals.add };
          summary = await importFolder(app, source, survey, settings);
        } catch (error) {
          throw new Error(`the import stopped: ${messageOf(error)}. ${AGAIN}`, { cause: error });
        } finally {
          progress.stop();
          refusals.close();
        }
        report(summary, tenant, Date.now() - begun);
        if (!signal.aborted) await catchUp(app, { from: before, to: summary.position ?? before }, signal);
        if (signal.aborted) {
          console.log(`Stopped before the end. ${AGAIN}`);
          return EXIT.stopped;
        }
        if (refusals.count > 0) console.log(`${refusals.count} rows were refused.${errors ? ` See ${errors}.` : ''}`);
        return refusals.count > 0 ? EXIT.failed : EXIT.done;
      }),
    concurrency,
  );
}

function report({ files }: ImportSummary, tenant: string, milliseconds: number): void {
  const rows = files.map(({ file, tally }) => [file, tally.imported, tally.present, tally.refused] as const);
  const done = rows.reduce((sum, [, imported, present, refused]) => sum + imported + present + refused, 0);
  const seconds = milliseconds / 1000;
  console.log(`tenant ${tenant}: ${done} rows in ${seconds.toFixed(1)} s, ${Math.round(done / seconds)} rows/s`);
  console.log(table([['', 'imported', 'already there', 'refused'], ...rows]));
}
