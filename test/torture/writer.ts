// A writer of the torture test, a process of its own: appends in every way there is, until it is killed or told to stop.
// node --import test/load-typescript.js test/torture/writer.ts <url> <notes file> <seed>
import { setTimeout as sleep } from 'node:timers/promises';
import { type AppendRequest, type AppendResult, PostgresEventStore } from '@concord/event-store';
import { ConcordError, type NewEvent, newId, type StreamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { Logger } from '@nestjs/common';
import { openWhenServed } from './open-when-served.js';
import { CATEGORIES, Dice, Notes, now, TENANT, TYPES, type WriterNote } from './model.js';

const [url = '', file = '', seed = '0'] = process.argv.slice(2);
Logger.overrideLogger(false);
const dice = new Dice(Number(seed));
const notes = new Notes<WriterNote>(file);
const opened = await openWhenServed(url, 8);
const store = new PostgresEventStore(opened.database);
const LANES = 8;
let stopping = false;
let operations = 0;

class RolledBackOnPurpose extends ConcordError {
  readonly code = 'rolled-back-on-purpose';
}

/** A way to append: the requests are made beforehand, so that what was meant is known whatever happens. */
interface Way {
  readonly what: string;
  readonly requests: readonly AppendRequest[];
  run(requests: readonly AppendRequest[]): Promise<AppendResult[]>;
  /** Whether the same requests may be sent again after an answer that was lost. */
  readonly repeatable: boolean;
}

const event = (data: unknown = {}): NewEvent => ({ id: newId(), type: dice.of(TYPES), data });
const events = (most: number): NewEvent[] => Array.from({ length: 1 + dice.below(most) }, () => event());
const stream = (): StreamName => `${dice.of(CATEGORIES)}-${dice.below(dice.below(3) === 0 ? 400 : 4)}`;
const appendAtOnce = (requests: readonly AppendRequest[]): Promise<AppendResult[]> => store.append(...requests);
const pause = (most: number): Promise<void> => sleep(dice.below(most));

function distinctStreams(most: number): StreamName[] {
  return [...new Set(Array.from({ length: 1 + dice.below(most) }, stream))];
}

const WAYS: readonly (() => Way)[] = [
  // Group commit takes these: one event, one stream, outside transactions.
  () => ({
    what: 'single',
    requests: [{ stream: stream(), expected: 'any', events: [event()] }],
    run: appendAtOnce,
    repeatable: true,
  }),
  () => ({
    what: 'single',
    requests: [{ stream: stream(), expected: 'any', events: [event()] }],
    run: appendAtOnce,
    repeatable: true,
  }),
  () => ({
    what: 'expecting',
    requests: [{ stream: stream(), expected: BigInt(dice.below(40)), events: [event()] }],
    run: appendAtOnce,
    repeatable: true,
  }),
  () => ({
    what: 'new stream',
    requests: [{ stream: `cart-${newId()}`, expected: 'no-stream', events: events(3) }],
    run: appendAtOnce,
    repeatable: true,
  }),
  () => ({
    what: 'several events',
    requests: [{ stream: stream(), expected: 'any', events: events(20) }],
    run: appendAtOnce,
    repeatable: true,
  }),
  () => ({
    what: 'several streams',
    requests: distinctStreams(4).map((name) => ({ stream: name, expected: 'any', events: events(3) })),
    run: appendAtOnce,
    repeatable: true,
  }),
  () => ({
    what: 'transaction',
    requests: distinctStreams(3)
      .toSorted()
      .map((name) => ({ stream: name, expected: 'any', events: events(2) })),
    run: (requests) => slowly(requests, dice.below(4) === 0),
    repeatable: false,
  }),
  () => ({
    what: 'command',
    requests: [{ stream: stream(), expected: 'any', events: [event()] }],
    run: command,
    repeatable: false,
  }),
];

/** One append after the other in a transaction that takes its time, and may be rolled back in the end. */
function slowly(requests: readonly AppendRequest[], rollback: boolean): Promise<AppendResult[]> {
  return store.transaction(async () => {
    const results: AppendResult[] = [];
    await pause(10);
    for (const request of requests) {
      results.push(...(await store.append(request)));
      await pause(dice.below(20) === 0 ? 300 : 15);
    }
    if (rollback) throw new RolledBackOnPurpose('as was decided');
    return results;
  });
}

/** What a command does: locks and loads, decides on what it saw, appends at the position it saw, and commits. */
function command(requests: readonly AppendRequest[]): Promise<AppendResult[]> {
  return store.transaction(async () => {
    const [request] = requests;
    const [planned] = request?.events ?? [];
    if (!request || !planned) throw new Error('a command has one event');
    const seen = (await store.lockAndLoad([request.stream])).get(request.stream)?.events.length ?? 0;
    if (dice.below(3) === 0) await pause(10);
    const expected = seen === 0 ? 'no-stream' : BigInt(seen - 1);
    return store.append({ ...request, expected, events: [{ ...planned, data: { seen } }] });
  });
}

async function once(way: Way, op: string): Promise<'known' | 'unknown'> {
  try {
    const results = await runInTenant(TENANT, () => way.run(way.requests));
    const positions = results.flatMap((result) => result.events.map(({ globalPosition }) => globalPosition.toString()));
    notes.write({ kind: 'acknowledged', op, at: now(), positions });
    return 'known';
  } catch (error) {
    const code = error instanceof ConcordError ? error.code : `raw ${(error as { code?: string }).code ?? ''}`;
    const kind = REFUSALS.has(code) ? 'refused' : 'unknown';
    notes.write({ kind, op, code, message: error instanceof Error ? error.message : String(error) });
    return kind === 'refused' ? 'known' : 'unknown';
  }
}

/** After these nothing was changed; after all others nobody knows. */
const REFUSALS = new Set(['wrong-expected-version', 'transient-conflict', 'rolled-back-on-purpose']);

function isStopping(): boolean {
  return stopping;
}

async function lane(): Promise<void> {
  while (!isStopping()) {
    const way = dice.of(WAYS)();
    const op = `${process.pid}-${(operations += 1)}`;
    const planned = way.requests.flatMap((request) => request.events.map(({ id }) => ({ stream: request.stream, id })));
    notes.write({ kind: 'begun', op, what: way.what, at: now(), events: planned });
    let outcome = await once(way, op);
    // An answer that was lost may be asked for again: the same ids are there already, or are added now.
    const repeats = way.repeatable && dice.below(2) === 0 ? 20 : 0;
    for (let repeat = 0; outcome === 'unknown' && repeat < repeats && !isStopping(); repeat += 1) {
      await sleep(100);
      outcome = await once(way, op);
    }
    if (outcome === 'unknown') await sleep(50);
    if (dice.below(10) === 0) await pause(20);
  }
}

process.once('message', () => {
  stopping = true;
});
process.send?.('ready');
await Promise.all(Array.from({ length: LANES }, lane));
await opened.close();
process.disconnect();
