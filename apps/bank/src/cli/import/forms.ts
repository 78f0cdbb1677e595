// The three files, and what their rows must look like. A row that does not is refused with the reason.
import { InvalidArgument } from '@concord/kernel';
import { type Money, parseMoney } from '../../ledger/domain/money.js';
import type { CsvForm, Fields } from './csv-file.js';
import { ACCOUNT_ID } from '../../ledger/domain/account-id.js';

export interface District {
  readonly id: string;
  readonly districtId: number;
  readonly name: string;
  readonly region: string;
  readonly inhabitants: number;
}

export interface Account {
  readonly id: string;
  readonly districtId: number;
  readonly openedOn: string;
}

export interface Transaction {
  readonly id: string;
  readonly accountId: string;
  readonly occurredOn: string;
  readonly direction: 'credit' | 'debit';
  readonly amount: Money;
  readonly reference: string;
}

/** A file's name, its columns, and how a row of it is read. `parse` throws InvalidArgument for a row that is wrong. */
export interface Form<Row extends { id: string }, Column extends string> extends CsvForm<Column> {
  readonly kind: 'district' | 'account' | 'transaction';
  parse(fields: Fields<Column>): Row;
}

function form<Row extends { id: string }, const Column extends string>(
  definition: Form<Row, Column>,
): Form<Row, Column> {
  return definition;
}

export const districtForm = form({
  kind: 'district',
  file: 'districts.csv',
  columns: ['district_id', 'name', 'region', 'inhabitants'],
  parse: (fields): District => ({
    id: id(fields.district_id, 'district_id'),
    districtId: wholeNumber(fields.district_id, 'district_id'),
    name: text(fields.name, 'name'),
    region: text(fields.region, 'region'),
    inhabitants: wholeNumber(fields.inhabitants, 'inhabitants'),
  }),
});

export const accountForm = form({
  kind: 'account',
  file: 'accounts.csv',
  columns: ['account_id', 'district_id', 'statement_frequency', 'opened_on'],
  parse: (fields): Account => ({
    id: accountId(fields.account_id),
    districtId: wholeNumber(fields.district_id, 'district_id'),
    openedOn: day(fields.opened_on, 'opened_on'),
  }),
});

export const transactionForm = form({
  kind: 'transaction',
  file: 'transactions.csv',
  columns: [
    'transaction_id',
    'account_id',
    'date',
    'direction',
    'operation',
    'amount',
    'balance_after',
    'category',
    'partner_bank',
    'partner_account',
  ],
  parse: (fields): Transaction => ({
    id: id(fields.transaction_id, 'transaction_id'),
    accountId: accountId(fields.account_id),
    occurredOn: day(fields.date, 'date'),
    direction: direction(fields.direction),
    amount: positive(parseMoney(fields.amount), fields.amount),
    reference: referenceOf(fields),
  }),
});

export type TransactionColumn = (typeof transactionForm)['columns'][number];

/**
 * What a booking says of its origin: transaction id, operation, category and partner, without those that are empty.
 * For example `1122191 transfer_out insurance MN/51878350`.
 */
function referenceOf(fields: Fields<TransactionColumn>): string {
  const partner = [fields.partner_bank, fields.partner_account].filter((part) => part !== '').join('/');
  return [fields.transaction_id, fields.operation, fields.category, partner].filter((part) => part !== '').join(' ');
}

const MAX_ID_LENGTH = 100;
const MAX_INTEGER = 2 ** 31 - 1;

function id(value: string, column: string): string {
  if (value === '') throw refuse(`${column} is empty`);
  if (value.length > MAX_ID_LENGTH || /[\p{Cc}\s]/u.test(value))
    throw refuse(`${column} ${quoted(value)} is no id: use up to ${MAX_ID_LENGTH} characters without spaces`);
  return value;
}

function accountId(value: string): string {
  if (ACCOUNT_ID.test(id(value, 'account_id'))) return value;
  throw refuse(
    `account_id ${quoted(value)} is no account id: use up to 64 letters, digits, dots, underscores and dashes`,
  );
}

function text(value: string, column: string): string {
  if (value.trim() === '') throw refuse(`${column} is empty`);
  return value;
}

function wholeNumber(value: string, column: string): number {
  if (value === '') throw refuse(`${column} is empty`);
  const number = /^(0|[1-9]\d{0,9})$/.test(value) ? Number(value) : Number.NaN;
  if (!(number <= MAX_INTEGER)) throw refuse(`${column} ${quoted(value)} is no whole number up to ${MAX_INTEGER}`);
  return number;
}

function day(value: string, column: string): string {
  const [, year, month, date] = (/^(\d{4})-(\d\d)-(\d\d)$/.exec(value) ?? []).map(Number);
  const at = new Date(Date.UTC(2000, 0, 1));
  if (year) at.setUTCFullYear(year, (month ?? 0) - 1, date);
  if (year && at.getUTCMonth() + 1 === month && at.getUTCDate() === date) return value;
  throw refuse(`${column} ${quoted(value)} is no day: write it as 1993-12-31`);
}

function direction(value: string): 'credit' | 'debit' {
  if (value === 'credit' || value === 'debit') return value;
  throw refuse(`direction ${quoted(value)} is not known: write credit or debit`);
}

function positive(amount: Money, written: string): Money {
  if (amount > 0n) return amount;
  throw refuse(`amount ${written} is not above zero: the direction says whether it is paid in or out`);
}

function quoted(value: string): string {
  return `"${value.slice(0, 40)}"`;
}

function refuse(reason: string): InvalidArgument {
  return new InvalidArgument(reason);
}
