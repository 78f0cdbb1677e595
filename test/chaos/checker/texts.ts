// How transactions, lists and times are shown to people.
import type { Operation, Step, Transaction } from './history.js';

const MOST_SHOWN = 8;

export const named = ({ index }: Operation): string => `T${index}`;

/** A list, without its middle when it is long. */
export function listed(elements: readonly number[]): string {
  if (elements.length <= MOST_SHOWN) return `[${elements.join(' ')}]`;
  return `[${elements.slice(0, 2).join(' ')} .. ${elements.length - MOST_SHOWN + 1} more .. ${elements.slice(3 - MOST_SHOWN).join(' ')}]`;
}

/** `T7 (process 3, ok, 1.203 s to 1.240 s): r x [1 2], append y 4`. */
export function described(transaction: Transaction): string {
  const { process, outcome, invoked, completed, steps } = transaction;
  const end = completed === undefined ? 'never answered' : `to ${seconds(completed)}`;
  return `${named(transaction)} (process ${process}, ${outcome}, ${seconds(invoked)} ${end}): ${steps.map(shown).join(', ')}`;
}

export const seconds = (nanoseconds: number): string => `${(nanoseconds / 1e9).toFixed(4)} s`;

function shown([what, key, value]: Step): string {
  if (what === 'append') return `append ${key} ${value}`;
  return `r ${key} ${value === null ? '?' : listed(value)}`;
}
