// Positions are bigint: a store outlives 2^53, and a bigint is never mistaken for a count of something.
import { InvalidArgument } from './errors.js';

/** Place of an event in its stream: 0n for the first. */
export type StreamPosition = bigint;

/** Place of an event in the order of the whole store: ascending, with gaps where an append was rolled back. */
export type GlobalPosition = bigint;

/** The revision of a stream without events. */
export const NO_REVISION: StreamPosition = -1n;

const MAX_POSITION = 2n ** 63n - 1n;

/** Reads a position from text, such as a query parameter. Errors: InvalidArgument for anything but digits below 2^63. */
export function parsePosition(text: string): bigint {
  const position = /^\d{1,19}$/.test(text) ? BigInt(text) : undefined;
  if (position === undefined || position > MAX_POSITION) {
    throw new InvalidArgument(`"${text.slice(0, 40)}" is no position: give the digits that a write answered`);
  }
  return position;
}
