// Loads that travel together: who waits for whom, and what a failure costs.
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseUnavailable } from '@concord/database';
import type { StreamName } from '@concord/kernel';
import type { LoadedStream } from '../requests.js';
import { type FindEnds, GroupLoad, type LoadStreams } from './group-load.js';

const POOL_SIZE = 20;
const MOST_CALLS = POOL_SIZE / 4;
const empty: LoadedStream = { events: [], revision: -1n, first: 0n };
const tenant = (n: number) => `t-${n}`;
const names = (count: number) => Array.from({ length: count }, (_, n) => `s-${n}` as StreamName);

/** Loads by a function that says what a call answers; what is called heavy ends late. */
function loads(answer: (streams: readonly StreamName[]) => Promise<void> | void) {
  const calls: (readonly StreamName[])[] = [];
  const counts = { now: 0, most: 0 };
  const findEnds: FindEnds = (streams) =>
    Promise.resolve(new Map(streams.map((stream) => [stream, stream.startsWith('heavy') ? 1_000_000n : 3n])));
  const loadStreams: LoadStreams = async (streams) => {
    calls.push(streams);
    counts.now += 1;
    counts.most = Math.max(counts.most, counts.now);
    await Promise.resolve();
    try {
      await answer(streams);
    } finally {
      counts.now -= 1;
    }
    return new Map(streams.map((stream) => [stream, empty]));
  };
  const group = new GroupLoad({ loadStreams, findEnds, poolSize: POOL_SIZE });
  return { group, calls, counts };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(5);
}

describe('loads at the same time', () => {
  it('do not wait for heavy ones, of which only so many are loaded at once', async () => {
    const gates: (() => void)[] = [];
    const { group, counts } = loads(async ([stream]) => {
      if (stream === 'heavy-1') await new Promise<void>((resolve) => gates.push(resolve));
    });
    const heavy = (n: number) => group.load(tenant(n), 'heavy-1');
    const all = Array.from({ length: MOST_CALLS - 1 }, (_, n) => heavy(n));
    await until(() => gates.length === MOST_CALLS - 1);
    expect(await group.load(tenant(0), 's-1')).toBe(empty);
    all.push(heavy(0), heavy(1));
    await until(() => gates.length === MOST_CALLS);
    // Long enough for one of them to begin if it could.
    await sleep(150);
    expect(counts.now).toBe(MOST_CALLS);
    for (let n = 0; n < all.length; n += 1) {
      await until(() => gates.length > n);
      gates[n]!();
    }
    await Promise.all(all);
    expect(counts.most).toBe(MOST_CALLS);
  });

  it('are asked for again when they are in one call with a heavy one, and not when all are slow', async () => {
    let open: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => (open = resolve));
    const isQuick = (stream: string) => stream.startsWith('s-');
    const { group, calls } = loads((streams) => (streams.every(isQuick) ? undefined : closed));
    // Two calls of two.
    const names = ['heavy-1', 's-1', 'slow-1', 'slow-2'] as StreamName[];
    const loading = names.map((name) => group.load(tenant(0), name));
    await expect(loading[1]).resolves.toBe(empty);
    await sleep(150);
    const asked = [...calls];
    open();
    await Promise.all(loading);
    expect(asked).toEqual([['heavy-1', 's-1'], ['slow-1', 'slow-2'], ['s-1']]);
  });

  it('find the one that spoils it for all by halves, one call after another', async () => {
    const bad = 's-17';
    const { group, calls, counts } = loads((streams) => {
      if (streams.includes(bad)) throw new Error('spoiled');
    });
    const results = await Promise.allSettled(names(128).map((stream) => group.load(tenant(0), stream)));
    const failed = results.flatMap(({ status }, n) => (status === 'rejected' ? [`s-${n}`] : []));
    expect(failed).toEqual([bad]);
    // Two of 64, and two for each time the spoiled one is halved.
    expect(calls.length).toBe(2 + 2 * 6);
    expect(counts.most).toBe(2);
  });

  it('fail together, and at once, when the database is not there', async () => {
    const { group, calls } = loads(() => {
      throw new DatabaseUnavailable('gone');
    });
    const results = await Promise.allSettled(names(64).map((stream) => group.load(tenant(0), stream)));
    expect(results.every((result) => (result as { reason?: unknown }).reason instanceof DatabaseUnavailable)).toBe(
      true,
    );
    expect(calls.map(({ length }) => length)).toEqual([32, 32]);
  });

  it('take turns by tenant, and several of one stream are one', async () => {
    const { group, calls } = loads(() => undefined);
    const many = [...names(200), ...names(200)].map((stream) => group.load(tenant(0), stream));
    await group.load(tenant(1), 'other-1');
    expect(calls.findIndex((streams) => streams.includes('other-1'))).toBe(1);
    await Promise.all(many);
    expect(await Promise.all([group.load(tenant(0), 's-1'), group.load(tenant(0), 's-1')])).toEqual([empty, empty]);
    expect(calls.at(-1)).toEqual(['s-1']);
  });

  // Each looked at for each call, they took longer than this by far.
  it('cost what they are, and not what waits behind them', async () => {
    const { group, calls } = loads(() => undefined);
    const count = 50_000;
    await Promise.all(Array.from({ length: count }, (_, n) => group.load(tenant(n), 's-1')));
    expect(calls.length).toBe(count);
  }, 15_000);
});
