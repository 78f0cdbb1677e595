// The folder to import from: its three files, checked before anything is written, and what must be known of them first.
import type { Money } from '../../ledger/domain/money.js';
import { CsvFile } from './csv-file.js';
import { accountForm, districtForm, type Transaction, transactionForm } from './forms.js';
import { type Read, readRows } from './rows.js';

/** What the first reading finds: accounts are held in memory, transactions are not. */
export interface Survey {
  readonly rows: { readonly districts: number; readonly accounts: number; readonly transactions: number };
  /** The line of each account that accounts.csv describes well. */
  readonly accountLines: ReadonlyMap<string, number>;
  /** How far below zero each account goes; accounts that stay above it are left out. */
  readonly overdrafts: ReadonlyMap<string, Money>;
}

export class ImportSource {
  private constructor(
    private readonly districtFile: CsvFile<(typeof districtForm)['columns'][number]>,
    private readonly accountFile: CsvFile<(typeof accountForm)['columns'][number]>,
    private readonly transactionFile: CsvFile<(typeof transactionForm)['columns'][number]>,
  ) {}

  /** Errors: UsageError that names a missing file or column. */
  static async open(folder: string): Promise<ImportSource> {
    return new ImportSource(
      await CsvFile.open(folder, districtForm),
      await CsvFile.open(folder, accountForm),
      await CsvFile.open(folder, transactionForm),
    );
  }

  /** One line about columns that are not used, if there are any. */
  get notice(): string | undefined {
    const unknown = [this.districtFile, this.accountFile, this.transactionFile]
      .filter((file) => file.unknownColumns.length > 0)
      .map((file) => `${file.form.file}: ${file.unknownColumns.join(', ')}`);
    return unknown.length > 0 ? `columns that are not used: ${unknown.join('; ')}` : undefined;
  }

  districts() {
    return readRows(this.districtFile, districtForm);
  }

  accounts() {
    return readRows(this.accountFile, accountForm);
  }

  transactions() {
    return readRows(this.transactionFile, transactionForm);
  }

  /** Reads everything once. */
  async survey(): Promise<Survey> {
    const rows = { districts: await count(this.districts()), accounts: 0, transactions: 0 };
    const accountLines = new Map<string, number>();
    for await (const read of this.accounts()) {
      rows.accounts += 1;
      if (read.refused === undefined) accountLines.set(read.row.id, read.line);
    }
    const balances = new Map<string, { now: Money; lowest: Money }>();
    for await (const read of this.transactions()) {
      rows.transactions += 1;
      book(balances, read);
    }
    const overdrafts = new Map<string, Money>();
    for (const [account, { lowest }] of balances) if (lowest < 0n) overdrafts.set(account, -lowest);
    return { rows, accountLines, overdrafts };
  }
}

async function count(reads: AsyncIterable<unknown>): Promise<number> {
  let rows = 0;
  for await (const read of reads) rows += read ? 1 : 0;
  return rows;
}

function book(balances: Map<string, { now: Money; lowest: Money }>, read: Read<Transaction>): void {
  if (read.refused !== undefined) return;
  const { accountId, amount, direction } = read.row;
  const balance = balances.get(accountId) ?? { now: 0n, lowest: 0n };
  balance.now += direction === 'credit' ? amount : -amount;
  if (balance.now < balance.lowest) balance.lowest = balance.now;
  balances.set(accountId, balance);
}
