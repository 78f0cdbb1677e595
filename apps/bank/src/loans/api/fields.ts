// The kinds of fields that the inputs of loans are made of.
import { type FieldKind, type FieldOptions, inputField } from '../../http/input-field.js';

const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const AMOUNT = /^(0|[1-9]\d{0,14})\.\d{2}$/;
const ID_MESSAGE = 'starts with a letter or digit and has at most 64 letters, digits, dots, underscores and dashes';

const id = (description: string, example: string): FieldKind => ({
  check: (value) => typeof value === 'string' && ID.test(value),
  message: ID_MESSAGE,
  description,
  example,
  pattern: ID,
});

const amount: FieldKind = {
  check: (value) => typeof value === 'string' && AMOUNT.test(value),
  message: 'is text with two places and at most 15 digits before them, such as "700.00"',
  description: 'A decimal amount with two places, above zero.',
  example: '700.00',
  pattern: AMOUNT,
};

const field =
  (kind: FieldKind) =>
  (options?: FieldOptions): PropertyDecorator =>
    inputField(kind, options);

export const LoanIdField = field(id('The id of a loan.', 'l-4711'));
export const AccountField = field(id('The id of an account.', 'a-4711'));
export const LoanAmountField = field(amount);
