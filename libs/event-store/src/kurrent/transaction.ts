// What a transaction has loaded and wants to append. It is sent when the work has succeeded, in one append to one stream,
// and expects the very end that the work has seen: the fence, whatever became of locks.
import { TransientConflict } from '@concord/database';
import {
  EventIdInUse,
  NO_REVISION,
  type RecordedEvent,
  type StreamName,
  type StreamPosition,
  WrongExpectedVersion,
} from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { Append } from '../append.js';
import { NotSupportedByStore } from '../errors.js';
import type { AppendResult, ReadStreamOptions } from '../requests.js';
import type { Appended } from './batch-append.js';
import { recordedAs } from './recorded-as.js';

/** A stream as the transaction sees it. */
export interface SeenStream {
  readonly tenant: TenantId;
  readonly stream: StreamName;
  /** Oldest first; the last one at least. */
  readonly events: readonly RecordedEvent[];
}

interface Changing extends SeenStream {
  readonly added: RecordedEvent[];
  readonly appends: Append[];
}

/** What is to be sent. */
export interface Decided {
  readonly tenant: TenantId;
  readonly append: Append;
}

export class KurrentTransaction {
  private readonly streams = new Map<string, Changing>();
  private readonly appends: Promise<unknown>[] = [];
  private settled = false;

  /** Whether what it decided is recorded for good. */
  get isRecorded(): boolean {
    return this.settled;
  }

  /** An append need not be awaited before the work ends. */
  adding(append: Promise<unknown>): void {
    append.catch(() => undefined);
    this.appends.push(append);
  }

  /** Errors: that of an append, even when nobody has waited for it. */
  async added(): Promise<void> {
    await Promise.all(this.appends);
  }

  saw(seen: SeenStream): void {
    const key = keyOf(seen);
    const known = this.streams.get(key);
    if (!known || known.added.length === 0) this.streams.set(key, { ...seen, added: [], appends: [] });
  }

  knows(tenant: TenantId, stream: StreamName): boolean {
    return this.streams.has(keyOf({ tenant, stream }));
  }

  /** What this transaction has appended to a stream so far. Their global position is known once it has committed. */
  addedTo(tenant: TenantId, stream: StreamName): readonly RecordedEvent[] {
    return this.streams.get(keyOf({ tenant, stream }))?.added ?? [];
  }

  /** Errors: WrongExpectedVersion, EventIdInUse, NotSupportedByStore for a second stream. */
  add(tenant: TenantId, append: Append): AppendResult {
    const changing = this.streams.get(keyOf({ tenant, stream: append.stream }));
    if (!changing) throw new Error(`${append.stream} was not looked at before it was appended to`);
    const repeat = repeatOf(changing, append);
    if (repeat) return repeat;
    const end = endBefore(changing, append);
    if (this.changing && this.changing !== changing) throw oneStreamOnly();
    const events = append.events.map((event, index) => {
      const place = { tenant, stream: append.stream, position: end + 1n + BigInt(index) };
      return unsettled(recordedAs(event, place));
    });
    changing.added.push(...events);
    changing.appends.push(append);
    return resultOf(append.stream, events);
  }

  /** Undefined when there is nothing to send. */
  get decided(): Decided | undefined {
    const changing = this.changing;
    if (!changing) return undefined;
    const { tenant, stream } = changing;
    const expected = changing.events.at(-1)?.streamPosition ?? unseenEnd(changing) ?? 'no-stream';
    return { tenant, append: { stream, expected, events: changing.appends.flatMap(({ events }) => events) } };
  }

  /** It is recorded: results and events that were given out know their place from now on. */
  recorded(events: readonly RecordedEvent[]): void {
    this.changing?.added.forEach((event, index) => Object.defineProperties(event, settledFrom(events[index])));
    this.settled = true;
  }

  /** What the end of a failed send is to the caller, who may have expected nothing of the stream. */
  conflict(error: WrongExpectedVersion): Error {
    const expected = this.changing?.appends.map((append) => append.expected) ?? [];
    if (expected.some((each) => each !== 'any' && each !== 'stream-exists')) return error;
    return new TransientConflict(`"${error.stream}" was appended to meanwhile: run it again`, {}, { cause: error });
  }

  private get changing(): Changing | undefined {
    return [...this.streams.values()].find(({ added }) => added.length > 0);
  }
}

/** The events of an append, as far as the answer to it tells. */
export function recordedEvents(tenant: TenantId, append: Append, { revision, position }: Appended): RecordedEvent[] {
  const first = revision - BigInt(append.events.length - 1);
  return append.events.map((event, index) => ({
    ...recordedAs(event, { tenant, stream: append.stream, position: first + BigInt(index) }),
    globalPosition: position,
  }));
}

function repeatOf(changing: Changing, append: Append): AppendResult | undefined {
  const known = new Map([...changing.events, ...changing.added].map((event) => [event.id, event]));
  const found = append.events.map((event) => known.get(event.id.toLowerCase()));
  if (found.every((event) => event === undefined)) return undefined;
  const last = found.at(-1);
  const isSame = found.every((event, index) => {
    const given = append.events[index];
    return event?.type === given?.type && JSON.stringify(event?.data) === JSON.stringify(given?.data);
  });
  if (!last || !isSame) throw new EventIdInUse();
  const { streamPosition: revision } = last;
  return { stream: append.stream, revision, globalPosition: last.globalPosition, events: [] };
}

/** Where the stream ends that is appended to. Errors: WrongExpectedVersion. */
function endBefore({ events, added }: Changing, { stream, expected }: Append): StreamPosition {
  const last = added.at(-1) ?? events.at(-1);
  // Nothing is shown, and the caller says where it ends all the same: the server knows better than we do.
  if (!last && typeof expected === 'bigint') return expected;
  const end = last?.streamPosition ?? NO_REVISION;
  if (!meets(expected, end)) throw new WrongExpectedVersion(stream, expected, end);
  return end;
}

function unseenEnd({ appends: [first] }: Changing): StreamPosition | undefined {
  return typeof first?.expected === 'bigint' ? first.expected : undefined;
}

function meets(expected: Append['expected'], actual: bigint): boolean {
  if (expected === 'any') return true;
  if (expected === 'no-stream') return actual < 0n;
  return expected === 'stream-exists' ? actual >= 0n : actual === expected;
}

function resultOf(stream: StreamName, events: readonly RecordedEvent[]): AppendResult {
  const last = events.at(-1);
  if (!last) throw new Error('an append has at least one event');
  return {
    stream,
    get revision() {
      return last.streamPosition;
    },
    get globalPosition() {
      return last.globalPosition;
    },
    events,
  };
}

function unsettled(event: Omit<RecordedEvent, 'globalPosition'>): RecordedEvent {
  const globalPosition = {
    get(): never {
      throw new Error('the global position of an event is known once its transaction has committed');
    },
    enumerable: true,
    configurable: true,
  };
  return Object.defineProperties({ ...event }, { globalPosition }) as RecordedEvent;
}

function settledFrom(event: RecordedEvent | undefined): PropertyDescriptorMap {
  if (!event) throw new Error('the store recorded fewer events than it was given');
  const settled = { enumerable: true, writable: false };
  return {
    // Not what was foreseen where a deleted stream has come back.
    streamPosition: { value: event.streamPosition, ...settled },
    globalPosition: { value: event.globalPosition, ...settled },
    metadata: { value: event.metadata, ...settled },
  };
}

export function oneStreamOnly(): NotSupportedByStore {
  return new NotSupportedByStore(
    'KurrentDB appends to one stream at a time: change one aggregate a command, and the others by a process manager',
  );
}

function keyOf({ tenant, stream }: Pick<SeenStream, 'tenant' | 'stream'>): string {
  return `${tenant}/${stream}`;
}

/** What is wanted of a stream's events, given whole and oldest first. */
export function partOf(
  events: readonly RecordedEvent[],
  { from, limit = Number.POSITIVE_INFINITY, direction = 'forwards' }: ReadStreamOptions,
): RecordedEvent[] {
  const forwards = direction === 'forwards';
  const part = events.filter(({ streamPosition: at }) => from === undefined || (forwards ? at >= from : at <= from));
  if (!forwards) part.reverse();
  return part.slice(0, limit);
}
