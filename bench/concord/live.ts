// Appends at a steady rate, whatever the answers take, and how long each event took to its handler: in this process, or in
// another one of this machine, by one clock.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '@concord/database';
import type { PostgresEventStore } from '@concord/event-store';
import { newId, streamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { depositInto } from '../account.js';
import { type Latency, LIVE_RATE, type Measured, type Percentiles, present, READERS } from '../contender.js';
import { Follower, until } from './follower.js';
import { LiveConsumer } from './live-consumer.js';
import { TENANT } from './tenant.js';

const WARM_APPENDS = 2_000;
const WARM_AT_ONCE = 20;
const WARM_PAUSE_MS = 5;

/** Times of process.hrtime. */
interface Sent {
  readonly id: string;
  readonly due: bigint;
  readonly committed: bigint;
}

interface Live {
  counted(least: number): Promise<void>;
  times(): Promise<ReadonlyMap<string, bigint>>;
  stop(): Promise<void>;
}

export interface LiveSettings {
  readonly store: PostgresEventStore;
  readonly database: Database;
  readonly url: string;
}

export async function measureLatency(
  settings: LiveSettings,
  isElsewhere: boolean,
  events: number,
): Promise<{ seconds: number; latency: Latency }> {
  const live = await (isElsewhere ? elsewhere(settings) : here(settings));
  try {
    // The first event shows that it is live.
    await append(settings.store);
    await live.counted(1);
    const sent = await appendSteadily(settings.store, events);
    await live.counted(1 + events);
    const times = await live.times();
    const handled = ({ id }: Sent): bigint => present(times.get(id), `event ${id} at the handler`);
    const latency = {
      commitToHandler: percentiles(sent.map((one) => Math.max(0, milliseconds(handled(one) - one.committed)))),
      dueToHandler: percentiles(sent.map((one) => milliseconds(handled(one) - one.due))),
    };
    const [first, last] = [present(sent[0], 'an event'), present(sent.at(-1), 'an event')];
    return { seconds: milliseconds(last.committed - first.due) / 1000, latency };
  } finally {
    await live.stop();
  }
}

/** Lets readers of another process wait, or work, while `work` appends so many events here. */
export async function measureWaking(
  { store, url }: LiveSettings,
  role: 'wait' | 'work',
  { events, work }: { readonly events: () => number; readonly work: () => Promise<Measured> },
): Promise<Measured> {
  const follower = await Follower.start(url, role, READERS, await store.lastPosition());
  try {
    // What is new costs more: its first queries are planned, and its code is compiled.
    for (let warm = 0; warm < WARM_APPENDS; warm += WARM_AT_ONCE) {
      await Promise.all(Array.from({ length: WARM_AT_ONCE }, () => append(store)));
      await sleep(WARM_PAUSE_MS);
    }
    const measured = await work();
    await follower.counted(role === 'wait' ? 1 : READERS * (WARM_APPENDS + events()));
    return measured;
  } finally {
    await follower.stop();
  }
}

async function here({ store, database }: LiveSettings): Promise<Live> {
  const consumer = new LiveConsumer(store, database, await store.lastPosition());
  return {
    counted: (least) => until(() => consumer.seen.size, least),
    times: () => Promise.resolve(consumer.seen),
    stop: () => consumer.stop(),
  };
}

async function elsewhere({ store, url }: LiveSettings): Promise<Live> {
  return Follower.start(url, 'consume', 1, await store.lastPosition());
}

async function appendSteadily(store: PostgresEventStore, events: number): Promise<Sent[]> {
  const apart = 1_000_000_000n / BigInt(LIVE_RATE);
  const began = process.hrtime.bigint();
  const pending: Promise<Sent>[] = [];
  while (pending.length < events) {
    const due = began + BigInt(pending.length) * apart;
    if (process.hrtime.bigint() < due) await sleep(1);
    else pending.push(append(store, due));
  }
  return Promise.all(pending);
}

async function append(store: PostgresEventStore, due = 0n): Promise<Sent> {
  const id = newId();
  const event = { id, type: 'Deposited', data: depositInto(id) };
  const request = { stream: streamName('account', id), expected: 'no-stream' as const, events: [event] };
  await runInTenant(TENANT, () => store.append(request));
  return { id, due, committed: process.hrtime.bigint() };
}

function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    present(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))], 'a latency');
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

function milliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds) / 1e6;
}
