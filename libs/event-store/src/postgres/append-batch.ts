// What travels together: appends to different streams, and appends to one stream where each follows from the one before.
import { fieldsOf, type StreamAppend } from './stream-append.js';

const MAX_APPENDS = 256;
/** Fewer go in one call, more are shared out between calls that overlap: 1.15 times as fast at 32 in flight. */
const WORTH_SHARING = 16;
const MAX_BYTES = 4_000_000;

/** An append that somebody waits for. */
export interface Waiting<Row> {
  readonly append: StreamAppend;
  /** The keys of its stream and of its event ids. */
  readonly stream: string;
  readonly ids: readonly string[];
  readonly resolve: (row: Row) => void;
  readonly reject: (error: unknown) => void;
}

/** Appends to one stream, in order, that succeed or fail as one: each expects what the one before leaves behind. */
export interface Chain<Row> {
  readonly tenant: string;
  readonly stream: string;
  readonly links: Waiting<Row>[];
  /** What an append must expect to be the next link. */
  next: string | undefined;
}

export interface Batch<Row> {
  readonly chains: Chain<Row>[];
  readonly rest: Waiting<Row>[];
}

/** The streams and event ids of calls under way: what comes for them waits, so that its order is kept. */
export type Held = ReadonlySet<string>;

export function keysOf({ tenant, stream, events }: StreamAppend): { stream: string; ids: string[] } {
  return { stream: `${tenant}/${stream}`, ids: events.map(({ id }) => `${tenant}/${id}`) };
}

/**
 * Splits a queue for so many `calls` into the chains of the next call and the rest, in the order they came. What cannot
 * follow in its stream's chain waits for a later call, and so does everything after it for that stream or event id.
 */
export function takeBatch<Row>(queue: readonly Waiting<Row>[], held: Held, calls: number): Batch<Row> {
  const streams = new Set(queue.map(({ stream }) => stream)).size;
  const most = streams < WORTH_SHARING ? streams : Math.ceil(streams / calls);
  const chains = new Map<string, Chain<Row>>();
  const blocked = new Set(held);
  const rest: Waiting<Row>[] = [];
  let [taken, bytes] = [0, 0];
  for (const waiting of queue) {
    const isFull = taken >= MAX_APPENDS || bytes >= MAX_BYTES || (chains.size >= most && !chains.has(waiting.stream));
    if (isFull || isBlocked(waiting, blocked) || !link(chains, waiting)) {
      rest.push(waiting);
      blocked.add(waiting.stream);
    } else {
      taken += 1;
      bytes += sizeOf(waiting.append);
    }
    for (const id of waiting.ids) blocked.add(id);
  }
  return { chains: [...chains.values()], rest };
}

function isBlocked<Row>({ stream, ids }: Waiting<Row>, blocked: Held): boolean {
  return blocked.has(stream) || ids.some((id) => blocked.has(id));
}

/** The parameters of sql/append-batch.sql. */
export function batchValues<Row>(chains: readonly Chain<Row>[]): unknown[] {
  return [
    chains.map(({ tenant }) => tenant),
    chains.map(({ stream }) => stream),
    chains.map(({ links: [first] }) => first?.append.expected),
    `[${chains.map((chain, index) => eventsText(chain, index + 1)).join()}]`,
  ];
}

function eventsText<Row>(chain: Chain<Row>, n: number): string {
  const events = chain.links.flatMap(({ append }) => append.events);
  return events.map((event, k) => `{"n":${n},"k":${k},${fieldsOf(event)}}`).join();
}

/** Adds to the chain of its stream, if it follows from what is there. */
function link<Row>(chains: Map<string, Chain<Row>>, waiting: Waiting<Row>): boolean {
  const { tenant, stream, expected, events } = waiting.append;
  const chain = chains.get(waiting.stream) ?? { tenant, stream, links: [], next: expected };
  if (chain.next !== expected) return false;
  chain.links.push(waiting);
  chain.next = nextAfter(expected, events.length);
  chains.set(waiting.stream, chain);
  return true;
}

/** What is expected after an append of so many events that expected this. Where a deleted stream goes on is not known. */
function nextAfter(expected: string, events: number): string | undefined {
  if (expected === 'any') return 'any';
  return /^\d/.test(expected) ? (BigInt(expected) + BigInt(events)).toString() : undefined;
}

function sizeOf({ events }: StreamAppend): number {
  return events.reduce((sum, { data, metadata }) => sum + data.length + metadata.length, 0);
}
