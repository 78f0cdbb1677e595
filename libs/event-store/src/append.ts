// Checks what is about to be appended and completes its metadata, the same way for every adapter.
import {
  assertExactJson,
  currentMessage,
  type EventMetadata,
  type ExpectedVersion,
  InvalidArgument,
  isId,
  type NewEvent,
  type StreamPosition,
} from '@concord/kernel';
import { JsonText } from './json-text.js';
import type { AppendRequest } from './requests.js';
import { EVENT_VERSION, type Upcasts } from './upcasts.js';

/** A checked request. */
export interface Append extends Omit<AppendRequest, 'events'> {
  readonly events: readonly Required<NewEvent>[];
}

const MAX_TYPE_LENGTH = 200;
// Three bytes each at most, beside the tenant: an index entry of PostgreSQL has room for 2,700.
const MAX_NAME_LENGTH = 512;
const MAX_POSITION = 2n ** 63n - 1n;
const WORDS = ['no-stream', 'stream-exists', 'any'];

/** Errors: InvalidArgument that names the event and the place; nothing was appended. */
export function prepareAppends(requests: readonly AppendRequest[]): Append[] {
  if (requests.length === 0) throw new InvalidArgument('append needs at least one stream');
  assertDistinct(
    requests.map((request) => request.stream),
    'stream',
  );
  assertDistinct(
    requests.flatMap((request) => request.events.map((event) => event.id.toLowerCase())),
    'event id',
  );
  return requests.map(prepareAppend);
}

/** Says in each event which form it has, where that is not the first. Errors: InvalidArgument, for an old name. */
export function stamped(appends: readonly Append[], upcasts: Upcasts): readonly Append[] {
  if (upcasts.isEmpty) return appends;
  const stamp = (event: Append['events'][number]): Append['events'][number] => {
    // Who imports old events says of which form they are.
    if (event.metadata[EVENT_VERSION] !== undefined) return event;
    const version = upcasts.versionOf(event.type);
    return version === undefined ? event : { ...event, metadata: { ...event.metadata, [EVENT_VERSION]: version } };
  };
  return appends.map((append) => ({ ...append, events: append.events.map(stamp) }));
}

/** As stamped, and also for the first form: code of later forms may append it. Errors: InvalidArgument, for an old name. */
export function completed(appends: readonly Append[], upcasts: Upcasts): Append[] {
  const stamp = (event: Append['events'][number]): Append['events'][number] => {
    const { [EVENT_VERSION]: version = upcasts.versionOf(event.type) ?? 1 } = event.metadata;
    return { ...event, metadata: { ...event.metadata, [EVENT_VERSION]: version } };
  };
  return appends.map((append) => ({ ...append, events: append.events.map(stamp) }));
}

/** As prepareAppends, for one whose event ids are known to be distinct. */
export function prepareAppend(request: AppendRequest): Append {
  assertStoredName(request.stream);
  assertExpected(request.expected);
  if (request.events.length === 0) throw new InvalidArgument(`append to "${request.stream}" needs at least one event`);
  return { ...request, events: request.events.map(prepareEvent) };
}

/** Domain code has stricter names, see streamName(); the store keeps what any client of it may call a stream. */
export function assertStoredName(name: string): void {
  if (name.length === 0 || name.length > MAX_NAME_LENGTH || /\p{Cc}/u.test(name) || !name.isWellFormed()) {
    throw new InvalidArgument(
      `a stream name has 1 to ${MAX_NAME_LENGTH} characters, no control characters and no lone surrogates`,
    );
  }
}

/** What could never be stored is no name to read by either. Errors: InvalidArgument. */
export function assertReadable(name: string, { from }: { readonly from?: StreamPosition } = {}): void {
  if (/\p{Cc}/u.test(name) || !name.isWellFormed()) {
    throw new InvalidArgument('a stream name has no control characters and no lone surrogates');
  }
  if (from !== undefined && !isPosition(from)) {
    throw new InvalidArgument(`from ${String(from)}: give a stream position, a bigint from 0n to 2n ** 63n - 1n`);
  }
}

function isPosition(value: unknown): boolean {
  return typeof value === 'bigint' && value >= 0n && value <= MAX_POSITION;
}

/** Errors: InvalidArgument. */
export function assertExpected(expected: ExpectedVersion): void {
  if (typeof expected === 'bigint' ? !isPosition(expected) : !WORDS.includes(expected)) {
    throw new InvalidArgument(`expected version ${expected}: give a stream position, or one of ${WORDS.join(', ')}`);
  }
}

/** Errors: InvalidArgument. */
export function prepareEvent(event: NewEvent): Required<NewEvent> {
  if (!isId(event.id)) throw new InvalidArgument(`event id "${event.id}" is no UUID`);
  assertStoredType(event.type);
  if (event.data === undefined) throw new InvalidArgument(`event ${event.type} has no data: give at least {}`);
  if (!(event.data instanceof JsonText)) assertExactJson(event.data);
  const metadata: EventMetadata = { ...currentMessage(), ...event.metadata };
  assertExactJson(metadata, '$metadata');
  return { id: event.id, type: event.type, data: event.data, metadata };
}

function assertStoredType(type: string): void {
  if (type.length === 0 || type.length > MAX_TYPE_LENGTH || /\p{Cc}/u.test(type) || !type.isWellFormed()) {
    throw new InvalidArgument(
      `an event type has 1 to ${MAX_TYPE_LENGTH} characters, no control characters and no lone surrogates`,
    );
  }
}

function assertDistinct(values: readonly string[], what: string): void {
  const seen = new Set<string>();
  for (const value of values) {
    if (seen.has(value)) throw new InvalidArgument(`${what} "${value}" appears twice in one append`);
    seen.add(value);
  }
}
