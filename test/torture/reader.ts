// A reader of the torture test, a process of its own: readings from anywhere, of anything, in pages of any size, catching up
// and live, forwards and backwards. The first one reads everything from the start to the end.
// node --import test/load-typescript.js test/torture/reader.ts <url> <notes file> <seed>
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseUnavailable } from '@concord/database';
import { type FeedPage, PostgresEventStore, type ReadFeedOptions } from '@concord/event-store';
import { Signal } from '@concord/subscriptions';
import { runInTenant } from '@concord/tenancy';
import { Logger } from '@nestjs/common';
import { openWhenServed } from './open-when-served.js';
import { CATEGORIES, Dice, Notes, type Reading, TENANT, TYPES } from './model.js';

const [url = '', file = '', seed = '0'] = process.argv.slice(2);
Logger.overrideLogger(false);
const dice = new Dice(Number(seed));
const notes = new Notes<Reading>(file);
const opened = await openWhenServed(url, 6);
const store = new PostgresEventStore(opened.database);
const LANES = 4;
const LONGEST = 3_000;
const FOR_EVER = 2 ** 40;
const appended = new Signal();
store.onAppended(() => appended.raise());
/** Once everything is written: the position that every live reading has to reach. */
let end: bigint | undefined;

type Filter = Reading['filter'];

function some<T>(choices: readonly T[]): T[] {
  return choices.filter(() => dice.below(2) === 0);
}

function filter(): Filter {
  const filters: readonly (() => Filter)[] = [
    () => ({}),
    () => ({ categories: some(CATEGORIES) }),
    () => ({ types: some(TYPES) }),
    () => ({ categories: some(CATEGORIES), types: some(TYPES) }),
    () => ({ streamPrefixes: [dice.of(['hot-', 'hot-1', 'c', 'cart-', 'order-2'])] }),
  ];
  return dice.of(filters)();
}

/** A server that was killed is waited for; the reading goes on where it was. */
async function read(options: ReadFeedOptions): Promise<FeedPage> {
  for (;;) {
    try {
      return await runInTenant(TENANT, () => store.readFeed(options));
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable)) throw error;
      await sleep(50);
    }
  }
}

async function anywhere(): Promise<bigint> {
  const newest = (await read({ direction: 'backwards', limit: 1 })).events[0]?.globalPosition ?? 0n;
  return BigInt(Math.floor(Number(newest) * dice.next()));
}

interface Start {
  readonly after: bigint;
  readonly wanted: Filter;
  /** Goes on when it has caught up, for so long; not at all when it is 0. */
  readonly liveMs: number;
  readonly longest: number;
}

/** From somewhere on, catching up and live. Once everything is written, to the end. */
async function forwards({ after, wanted, liveMs, longest }: Start): Promise<void> {
  const deadline = Date.now() + liveMs;
  const events: string[] = [];
  let through = after;
  while (events.length < longest) {
    const [{ seen }, last] = [appended, end];
    const page = await read({ ...wanted, after: through, limit: dice.of([1, 2, 7, 50, 1000]) });
    for (const { globalPosition, id } of page.events) events.push(`${globalPosition} ${id}`);
    through = page.through;
    if (page.events.length > 0) continue;
    if (liveMs === 0 || (last !== undefined && through >= last)) break;
    if (last === undefined && Date.now() > deadline) break;
    await appended.wait(seen, dice.below(30));
  }
  const live = liveMs > 0;
  notes.write({ direction: 'forwards', filter: wanted, after: `${after}`, through: `${through}`, events, live });
}

async function backwards(wanted: Filter): Promise<void> {
  const events: string[] = [];
  let before: bigint | undefined;
  let newest: bigint | undefined;
  while (events.length < LONGEST) {
    const page = await read({
      ...wanted,
      ...(before && { before }),
      direction: 'backwards',
      limit: dice.of([1, 7, 100]),
    });
    newest ??= page.events[0]?.globalPosition;
    for (const { globalPosition, id } of page.events) events.push(`${globalPosition} ${id}`);
    before = page.through;
    if (page.events.length === 0) break;
  }
  if (newest === undefined || before === undefined) return;
  const [after, through] = [(before - 1n).toString(), newest.toString()];
  notes.write({ direction: 'backwards', filter: wanted, after, through, events, live: false });
}

async function lane(): Promise<void> {
  while (end === undefined) {
    const kind = dice.below(6);
    if (kind === 0) await backwards(filter());
    else {
      const after = dice.below(3) === 0 ? 0n : await anywhere();
      await forwards({ after, wanted: filter(), liveMs: kind < 5 ? 100 + dice.below(5_000) : 0, longest: LONGEST });
    }
  }
}

process.once('message', (message: { end: string }) => {
  end = BigInt(message.end);
});
process.send?.('ready');
await Promise.all([
  forwards({ after: 0n, wanted: {}, liveMs: FOR_EVER, longest: Number.POSITIVE_INFINITY }),
  ...Array.from({ length: LANES }, lane),
]);
await opened.close();
process.disconnect();
