// npm run verify -- --dir <folder> --tenant <id>
// Says whether the read models of a tenant hold just what the files add up to. It changes nothing.
import { Command } from 'commander';
import { runInTenant } from '@concord/tenancy';
import { formatMoney } from '../ledger/domain/money.js';
import { CsvFile } from './import/csv-file.js';
import { accountForm, transactionForm } from './import/forms.js';
import { readRows } from './import/rows.js';
import { headOf, withBank } from './terminal/bank-process.js';
import { catchUp } from './terminal/catch-up.js';
import { EXIT, type ExitCode, folderOption, runCommand, tenantOption } from './terminal/command-line.js';
import { Progress } from './terminal/progress.js';
import { table } from './terminal/table.js';
import { compare, type Comparison } from './verify/compare.js';
import { type FileSums, type Sum, sumFile } from './verify/file-sums.js';

interface Options {
  readonly dir: string;
  readonly tenant: string;
}

const DIFFERENCES_SHOWN = 50;

const command = new Command('verify')
  .description('Compares the read models of a tenant with the sums of the files that were imported.')
  .requiredOption('--dir <folder>', 'where the files are', folderOption)
  .requiredOption('--tenant <id>', 'whose data to compare', tenantOption);

await runCommand(command, run);

async function run({ dir, tenant }: Options): Promise<ExitCode> {
  const accountFile = await CsvFile.open(dir, accountForm);
  const sums = await sumFile(await CsvFile.open(dir, transactionForm));
  const accounts = new Map<string, Sum>(sums.accounts);
  for await (const read of readRows(accountFile, accountForm))
    if (read.refused === undefined && !accounts.has(read.row.id)) accounts.set(read.row.id, { rows: 0, total: 0n });

  const comparison = await withBank((app) =>
    runInTenant(tenant, async () => {
      const head = await headOf(app, tenant);
      await catchUp(app, { from: 0n, to: head ?? 0n });
      const progress = new Progress('verify', 'accounts', accounts.size);
      try {
        return await compare(app, accounts, (compared) => progress.update(compared));
      } finally {
        progress.stop();
      }
    }),
  );
  report(sums, comparison);
  return comparison.differences.length > 0 ? EXIT.failed : EXIT.done;
}

function report(sums: FileSums, { compared, exact, differences, others }: Comparison): void {
  if (differences.length > 0) {
    const rows = differences.slice(0, DIFFERENCES_SHOWN).map((each) => Object.values(each) as string[]);
    console.log(table([['account', 'what', 'file', 'read model'], ...rows]));
    if (differences.length > rows.length) console.log(`... and ${differences.length - rows.length} more differences`);
  }
  console.log(`${compared} accounts compared, ${exact} exact: balance, number of statement lines and their sum`);
  if (others > 0) console.log(`${others} further accounts of the tenant are not in the files`);
  if (sums.malformed > 0) console.log(`${sums.malformed} malformed rows were left out, as the import does`);
  const gap = sums.largestGap;
  console.log(
    gap
      ? `balance_after differs from the running sum in ${sums.gaps} of ${sums.rows} rows; by ` +
          `${formatMoney(gap.difference)} at most: account ${gap.accountId}, transaction ${gap.transactionId}`
      : `balance_after is the running sum in all ${sums.rows} rows`,
  );
}
