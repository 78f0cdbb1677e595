// The kinds of fields that the ledger's inputs are made of.
import { ID, Int } from '@nestjs/graphql';
import { isDay, isPosition, isText, isTime } from '../../http/checks.js';
import { type FieldKind, type FieldOptions, inputField } from '../../http/input-field.js';
import { Revision } from '../../http/scalars.js';
import { parseMoney } from '../domain/money.js';
import { ACCOUNT_SORTS } from '../read-models/accounts/accounts.query.js';
import { ACCOUNT_ID } from '../domain/account-id.js';

const CURRENCY = /^[A-Z]{3}$/;
const MAX_DISTRICT = 2 ** 31 - 1;
const MAX_REFERENCE = 500;

const accountId: FieldKind = {
  check: (value) => typeof value === 'string' && ACCOUNT_ID.test(value),
  message: 'starts with a letter or digit and has at most 64 letters, digits, dots, underscores and dashes',
  description: 'The id of an account.',
  example: 'a-4711',
  pattern: ACCOUNT_ID,
  graphql: () => ID,
};

const direction: FieldKind = {
  check: (value) => value === 'to-branch' || value === 'from-branch',
  message: 'is "to-branch" or "from-branch"',
  description: 'Whether the account that is paid is the one of the branch, or the one that pays.',
  example: 'to-branch',
  pattern: /^(to|from)-branch$/,
};

const amount: FieldKind = {
  check: isAmount,
  message: 'is text with two places and at most 15 digits before them, such as "700.00"',
  description: 'A decimal amount with two places.',
  example: '700.00',
};

const currency: FieldKind = {
  check: (value) => typeof value === 'string' && CURRENCY.test(value),
  message: 'is three capital letters, such as "CZK"',
  description: 'A currency code (ISO 4217).',
  example: 'CZK',
  pattern: CURRENCY,
};

const districtId: FieldKind = {
  check: (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_DISTRICT,
  message: `is a whole number from 1 to ${MAX_DISTRICT}`,
  description: 'The district that the account lies in.',
  example: 18,
  graphql: () => Int,
  integer: { minimum: 1, maximum: MAX_DISTRICT },
};

const reference: FieldKind = {
  check: (value) => isText(value, MAX_REFERENCE),
  message: `is text of at most ${MAX_REFERENCE} characters, without U+0000`,
  description: 'What the booking is for.',
  example: 'rent',
};

const region: FieldKind = {
  check: (value) => isText(value, MAX_REFERENCE),
  message: `is text of at most ${MAX_REFERENCE} characters, without U+0000`,
  description: 'Only accounts in this region.',
  example: 'Prague',
};

const day: FieldKind = {
  check: isDay,
  message: 'is a day of the calendar, such as "2024-02-29"',
  description: 'A day; today (UTC) when left out.',
  example: '2024-02-29',
};

const position: FieldKind = {
  check: isPosition,
  message: 'is the position that a write answered: digits, as text',
  description: 'Waits until the answer shows this position, which a write answered.',
  example: '1042',
};

const revision: FieldKind = {
  check: isPosition,
  message: 'is a revision: digits, as text',
  description: 'The `next` of the page before.',
  example: '49',
};

const fromRevision: FieldKind = {
  check: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  message: 'is a revision: a whole number, zero or more',
  description: 'The revision to start from.',
  graphql: () => Revision,
};

const accountSort: FieldKind = {
  check: (value) => (ACCOUNT_SORTS as readonly unknown[]).includes(value),
  message: `is one of ${ACCOUNT_SORTS.join(', ')}`,
  description: 'What the accounts are in the order of; a dash turns it round. By their ids when left out.',
  example: '-balance',
};

const asOf: FieldKind = {
  check: (value) => isPosition(value) || isTime(value),
  message: 'is a revision (digits), or a time with its offset, such as "2024-02-29T12:00:00Z"',
  description: 'The account as it was at this revision, or at this time.',
  example: '3',
};

const field =
  (kind: FieldKind) =>
  (options?: FieldOptions): PropertyDecorator =>
    inputField(kind, options);

export const AccountIdField = field(accountId);
export const AccountSortField = field(accountSort);
export const AmountField = field(amount);
export const AsOfField = field(asOf);
export const CurrencyField = field(currency);
export const DayField = field(day);
export const DirectionField = field(direction);
export const DistrictIdField = field(districtId);
export const FromRevisionField = field(fromRevision);
export const PositionField = field(position);
export const ReferenceField = field(reference);
export const RegionField = field(region);
export const RevisionField = field(revision);

function isAmount(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  try {
    parseMoney(value);
    return true;
  } catch {
    return false;
  }
}
