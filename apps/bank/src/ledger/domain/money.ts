// Money is a bigint of the smallest unit in code, and a decimal string with two places everywhere outside.
import { InvalidArgument } from '@concord/kernel';

/** An amount in hundredths. */
export type Money = bigint;

const AMOUNT = /^(-?)(0|[1-9]\d{0,14})\.(\d{2})$/;

/** Reads `"700.00"`. Errors: InvalidArgument for anything but digits, a dot and two digits; at most 15 digits before it. */
export function parseMoney(text: string): Money {
  const match = AMOUNT.exec(text);
  if (!match)
    throw new InvalidArgument(`"${text.slice(0, 40)}" is no amount: write it with two places, such as "700.00"`);
  const [, sign, units, hundredths] = match;
  const amount = BigInt(`${units}${hundredths}`);
  return sign ? -amount : amount;
}

/** Reads an amount that an event holds: it was checked when it was recorded, and a balance may be of any length. */
export function recordedMoney(text: string): Money {
  return BigInt(text.replace('.', ''));
}

/** Writes an amount as `"700.00"`. */
export function formatMoney(amount: Money): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(3, '0');
  return `${amount < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
