// What travels together: appends to different streams, and appends to one stream where each follows from the one before.
import { contentJson, type StreamAppend } from './stream-append.js';

/** An append that somebody waits for. */
export interface Waiting<Row> {
  readonly append: StreamAppend;
  /** The keys of its stream and of its event ids. */
  readonly stream: string;
  readonly ids: readonly string[];
  /** In characters, counted once: see sizeOf(). */
  readonly size: number;
  /** When it came, by performance.now(). */
  readonly since: number;
  readonly resolve: (row: Row) => void;
  readonly reject: (error: unknown) => void;
}

/** Appends to one stream, in order, that succeed or fail as one: each expects what the one before leaves behind. */
export interface Chain<Row> {
  /** That of its stream. */
  readonly key: string;
  readonly tenant: string;
  readonly stream: string;
  readonly links: readonly Waiting<Row>[];
}

export function eventsIn<Row>({ links }: Chain<Row>): number {
  return links.reduce((sum, { append }) => sum + append.events.length, 0);
}

export function keysOf({ tenant, stream, events }: StreamAppend): { stream: string; ids: string[] } {
  return { stream: `${tenant}/${stream}`, ids: events.map(({ id }) => `${tenant}/${id}`) };
}

/** The parameters of sql/append-batch.sql. */
export function batchValues<Row>(chains: readonly Chain<Row>[]): unknown[] {
  const events = chains.map(({ links }) => links.flatMap(({ append }) => append.events));
  return [
    chains.map(({ tenant }) => tenant),
    chains.map(({ stream }) => stream),
    chains.map(({ links: [first] }) => first?.append.expected),
    events.flatMap((chain, index) => chain.map(() => index + 1)),
    events.flatMap((chain) => chain.map((_, index) => index + 1)),
    events.flatMap((chain) => chain.map(({ id }) => id)),
    `[${events.flatMap((chain) => chain.map(contentJson)).join()}]`,
  ];
}

/** What is expected after an append of so many events that expected this. Where a deleted stream goes on is not known. */
export function nextAfter(expected: string, events: number): string | undefined {
  if (expected === 'any') return 'any';
  return /^\d/.test(expected) ? (BigInt(expected) + BigInt(events)).toString() : undefined;
}

/** In characters, as it is sent but for what is the same in each. */
export function sizeOf({ events }: StreamAppend): number {
  return events.reduce((sum, { id, type, data, metadata }) => {
    return sum + id.length + type.length + data.length + metadata.length;
  }, 0);
}
