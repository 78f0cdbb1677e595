// What the transaction file adds up to, by itself: no aggregate, no event and no parser of the domain takes part.
import type { CsvFile, Fields } from '../import/csv-file.js';
import { transactionForm, type TransactionColumn } from '../import/forms.js';
import { readRows } from '../import/rows.js';

/** An account's rows: how many, and their sum in hundredths. */
export interface Sum {
  rows: number;
  total: bigint;
}

/** A row after which the running sum is not the bank's own balance. */
export interface Gap {
  readonly accountId: string;
  readonly transactionId: string;
  readonly difference: bigint;
}

export interface FileSums {
  readonly accounts: ReadonlyMap<string, Sum>;
  readonly rows: number;
  /** Rows that the import refuses; they are left out of the sums. */
  readonly malformed: number;
  readonly gaps: number;
  readonly largestGap: Gap | undefined;
}

/** Adds up the rows that are well formed. */
export async function sumFile(file: CsvFile<TransactionColumn>): Promise<FileSums> {
  const accounts = new Map<string, Sum>();
  let [rows, malformed, gaps] = [0, 0, 0];
  let largestGap: Gap | undefined;
  for await (const read of readRows(file, { ...transactionForm, parse: keepFields })) {
    if (read.refused !== undefined) {
      malformed += 1;
      continue;
    }
    rows += 1;
    const gap = add(accounts, read.row.fields);
    if (!gap) continue;
    gaps += 1;
    if (!largestGap || size(gap.difference) > size(largestGap.difference)) largestGap = gap;
  }
  return { accounts, rows, malformed, gaps, largestGap };
}

/** The form decides what is well formed; the figures are read anew below. */
function keepFields(fields: Fields<TransactionColumn>): { id: string; fields: Fields<TransactionColumn> } {
  return { id: transactionForm.parse(fields).id, fields };
}

function add(accounts: Map<string, Sum>, fields: Fields<TransactionColumn>): Gap | undefined {
  const sum = accounts.get(fields.account_id) ?? { rows: 0, total: 0n };
  accounts.set(fields.account_id, sum);
  sum.rows += 1;
  sum.total += (fields.direction === 'debit' ? -1n : 1n) * hundredths(fields.amount);
  if (!/^-?\d+\.\d\d$/.test(fields.balance_after)) return undefined;
  const difference = sum.total - hundredths(fields.balance_after);
  if (difference === 0n) return undefined;
  return { accountId: fields.account_id, transactionId: fields.transaction_id, difference };
}

function hundredths(text: string): bigint {
  return BigInt(text.replace('.', ''));
}

function size(amount: bigint): bigint {
  return amount < 0n ? -amount : amount;
}
