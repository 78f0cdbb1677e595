// Checks what part of the feed is asked for, the same way for every adapter.
import { type GlobalPosition, InvalidArgument, type RecordedEvent } from '@concord/kernel';
import type { ReadFeedOptions } from './requests.js';

/** Errors: InvalidArgument. A limit below 1 would seem to have read what it has not. */
export function checkReadFeed({ limit = 1, direction = 'forwards', after, before }: ReadFeedOptions): void {
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new InvalidArgument(`limit ${limit}: give a whole number from 1`);
  if (!DIRECTIONS.has(direction)) {
    throw new InvalidArgument(`direction "${direction}": give ${[...DIRECTIONS].join(' or ')}`);
  }
  checkPosition('after', after);
  checkPosition('before', before);
}

function checkPosition(name: string, position: unknown = 0n): void {
  if (typeof position === 'bigint' && position >= 0n && position <= MAX_POSITION) return;
  throw new InvalidArgument(`${name} ${String(position)}: give a global position, a bigint from 0n`);
}

/** How far a page went that holds all there was between `after` and `settled`; `last` is there when it was full. */
export function readThrough(
  { direction, after = 0n, before }: ReadFeedOptions,
  settled: GlobalPosition,
  last: GlobalPosition | undefined,
): GlobalPosition {
  if (last !== undefined) return last;
  // Down to what was not asked for, so that the next page is empty.
  if (direction === 'backwards') return after + 1n;
  const end = before !== undefined && before <= settled ? before - 1n : settled;
  return end > after ? end : after;
}

/** Whether an event is in what is asked for. */
export function isWanted({ stream, type, globalPosition }: RecordedEvent, options: ReadFeedOptions): boolean {
  const { after = 0n, before, categories, types, streamPrefixes } = options;
  if (globalPosition <= after || (before !== undefined && globalPosition >= before)) return false;
  if (streamPrefixes && !streamPrefixes.some((prefix) => stream.startsWith(prefix))) return false;
  return has(categories, stream.split('-', 1)[0] ?? '') && has(types, type);
}

function has(wanted: readonly string[] | undefined, value: string): boolean {
  return wanted?.includes(value) ?? true;
}

const DIRECTIONS = new Set(['forwards', 'backwards']);
const MAX_POSITION = 2n ** 63n - 1n;
