// Processes that are killed at a named point, and the judgement on what they leave behind.
import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStore } from '@concord/event-store';
import type { failpoints } from '@concord/coordination';
import { runInTenant } from '@concord/tenancy';
import { ended, startProcess } from '../fixtures/process-under-test.js';
import { TENANT } from './kit.js';

/** A step at which a process can be made to fail. */
export type Failpoint = (typeof failpoints.names)[number];

/** What a process of test/fixtures/transfer-process.ts is to do. */
export interface TransferOrders {
  readonly urls: readonly [string, string];
  readonly serviceUrl: string;
  readonly purse: string;
  readonly rounds: number;
  readonly failpoint?: string;
  readonly recovers?: boolean;
  /** Where it writes what it was told is committed. */
  readonly acknowledged: string;
}

/** A transaction of which somebody was told that it is committed, and what it moved in each store. */
export interface Acknowledged {
  readonly id: string;
  readonly moved: Readonly<Record<string, string>>;
}

const PATIENCE_MS = 40_000;

/** Runs a coordinator until it is killed at the point. Errors: it never got there. */
export async function killCoordinatorAt(point: Failpoint, orders: Omit<TransferOrders, 'failpoint'>): Promise<void> {
  const victim = await startCoordinator(`${point}:kill`, orders);
  const timer = setTimeout(() => victim.kill('SIGTERM'), PATIENCE_MS);
  const [code, signal] = victim.signalCode ? [null, victim.signalCode] : await once(victim, 'exit');
  clearTimeout(timer);
  if (signal !== 'SIGKILL') throw new Error(`${point} was not reached: ended with ${code ?? String(signal)}`);
}

/** Runs a coordinator until it stops at the point, as by SIGSTOP; `meanwhile`; then lets it go on, and kills it in a while. */
export async function stopCoordinatorAt(
  point: Failpoint,
  orders: Omit<TransferOrders, 'failpoint'>,
  meanwhile: () => Promise<void>,
): Promise<void> {
  const victim = await startCoordinator(`${point}:stop`, orders);
  const deadline = Date.now() + PATIENCE_MS;
  while (!isStopped(victim.pid ?? 0)) {
    await sleep(20);
    if (victim.exitCode === null && Date.now() < deadline) continue;
    victim.kill('SIGKILL');
    throw new Error(`${point} was not reached`);
  }
  await meanwhile();
  victim.kill('SIGCONT');
  await Promise.race([ended(victim), sleep(GOES_ON_MS)]);
  victim.kill('SIGKILL');
  await ended(victim);
}

const GOES_ON_MS = 1_000;

function isStopped(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim().startsWith('T');
}

async function startCoordinator(failpoint: string, orders: Omit<TransferOrders, 'failpoint'>): Promise<ChildProcess> {
  const text = JSON.stringify({ ...orders, failpoint });
  return (await startProcess('transfer-process.ts', text)).process;
}

/** Whatever was acknowledged and is not there as it was told. */
export function missing(
  acknowledged: readonly Acknowledged[],
  moves: Readonly<Record<string, readonly Move[]>>,
): string[] {
  const found = new Map<string, string>();
  for (const [store, all] of Object.entries(moves)) {
    for (const { transaction, amount } of all) {
      const key = `${transaction} ${store}`;
      // One applied twice in a store is as wrong as one that is not there.
      found.set(key, found.has(key) ? 'moved twice' : amount.toString());
    }
  }
  return acknowledged.flatMap(({ id, moved }) =>
    Object.entries(moved)
      .filter(([store, amount]) => found.get(`${id} ${store}`) !== amount)
      .map(([store, amount]) => `${id}: ${store} has ${found.get(`${id} ${store}`) ?? 'nothing'}, not ${amount}`),
  );
}

/** What each transaction moved in all stores together. */
export function sumsOfTransactions(moves: readonly Move[]): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const { transaction, amount } of moves) sums.set(transaction, (sums.get(transaction) ?? 0n) + amount);
  return sums;
}

export interface Move {
  readonly stream: string;
  readonly transaction: string;
  readonly amount: bigint;
}

/** Everything in the feed of a store, in its order. */
export async function movesOf(store: EventStore): Promise<Move[]> {
  const moves: Move[] = [];
  for (let after = 0n; ;) {
    const page = await runInTenant(TENANT, () => store.readFeed({ after, limit: 1000 }));
    if (page.events.length === 0) return moves;
    after = page.through;
    for (const { stream, metadata, data } of page.events) {
      const { amount } = data as { amount: string };
      moves.push({ stream, transaction: String(metadata['transactionId']), amount: BigInt(amount) });
    }
  }
}
