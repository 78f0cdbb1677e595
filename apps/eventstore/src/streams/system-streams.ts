// The streams that the server makes itself: `$ce-<category>`, `$et-<type>`, `$streams`. Each holds links into the feed.
import type { StoredEventFilter } from '@concord/event-store';
import { InvalidArgument } from '@concord/kernel';

const CATEGORY = '$ce-';
const TYPE = '$et-';
const STREAMS = '$streams';

/** Which part of the feed a system stream shows; undefined when the stream is none of these. */
export function systemStream(name: string): StoredEventFilter | undefined {
  if (name === STREAMS) return { firsts: true };
  if (name.startsWith(CATEGORY) && name.length > CATEGORY.length) return { category: name.slice(CATEGORY.length) };
  if (name.startsWith(TYPE) && name.length > TYPE.length) return { type: name.slice(TYPE.length) };
  return undefined;
}

/** Errors: InvalidArgument for a stream that is made by the server. */
export function assertWritable(name: string): void {
  if (!systemStream(name)) return;
  throw new InvalidArgument(`"${name}" is made from what other streams hold: append to those`);
}
