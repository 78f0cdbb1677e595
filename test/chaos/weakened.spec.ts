// The checker over the real store: sound, and with one guarantee taken away at a time, which it has to report. Two app
// instances on one database, in this process; chaos.spec.ts has them in processes of their own.
import { setTimeout as sleep } from 'node:timers/promises';
import { createTestDatabase } from '@concord/testing';
import { Dice } from '../torture/model.js';
import type { Verdict } from './checker/anomaly.js';
import { checkHistory } from './checker/check.js';
import type { Line } from './checker/history.js';
import { Clients } from './clients.js';
import { Keys, Orders } from './orders.js';
import { elapsed } from './recorder.js';
import { workloadOf } from './workloads/index.js';
import { WEAKENINGS } from './workloads/weakened-locks.js';

const oneStore = workloadOf('one-store');
const LONGEST_MS = 12_000;

/** Until something is found, or long enough. */
async function verdictOf(weakening: string | undefined, longestMs: number): Promise<Verdict> {
  const { url, drop } = await createTestDatabase();
  const origin = process.hrtime.bigint();
  const lines: Line[] = [];
  const write = (process: number, type: Line['type'], f: string, value: unknown): unknown =>
    lines.push({ process, type, time: elapsed(origin), f, value });
  const transactors = await Promise.all(
    [true, false].map((mailboxes) => oneStore.open({ urls: [url], weakening, mailboxes })),
  );
  const all = transactors.map((transactor, index) => {
    const [dice, keys, worker] = [new Dice(index), new Keys(1), index + 1];
    const orders = new Orders({ dice, keys, worker, isDistributed: false });
    return new Clients({ transactor, orders, keys, dice, worker, write, onError: () => undefined });
  });
  const running = Promise.all(all.map((clients) => clients.run(8)));
  const isFound = (): boolean => checkHistory(lines).anomalies.some(({ type }) => /^G/.test(type));
  for (const deadline = Date.now() + longestMs; Date.now() < deadline && !isFound();) await sleep(500);
  for (const clients of all) clients.stop();
  await running;
  await Promise.all(transactors.map((transactor) => transactor.close()));
  await drop();
  return checkHistory(lines);
}

it('accepts what happens under locks', async () => {
  const { anomalies, counts } = await verdictOf(undefined, 3_000);
  expect(anomalies).toEqual([]);
  expect(counts['transactions ok']).toBeGreaterThan(20);
});

it.each(WEAKENINGS)('reports %s', async (weakening) => {
  const { anomalies } = await verdictOf(weakening, LONGEST_MS);
  const types = new Set(anomalies.map(({ type }) => type.replace(/-(process|realtime)$/, '')));
  expect([...types].filter((type) => type === 'G2' || type === 'G-single')).not.toEqual([]);
});

it('knows its weakenings', async () => {
  await expect(oneStore.open({ urls: [], weakening: 'locks-made-of-glass' })).rejects.toThrow(
    'take one of locks-released',
  );
});
