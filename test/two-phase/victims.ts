// Processes that are killed at a named point, and the judgement on what they leave behind.
import { once } from 'node:events';
import type { EventStore } from '@concord/event-store';
import type { failpoints } from '@concord/coordination';
import { runInTenant } from '@concord/tenancy';
import { startProcess } from '../fixtures/process-under-test.js';
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
}

const PATIENCE_MS = 40_000;

/** Runs a coordinator until it is killed at the point. Errors: it never got there. */
export async function killCoordinatorAt(point: Failpoint, orders: Omit<TransferOrders, 'failpoint'>): Promise<void> {
  const text = JSON.stringify({ ...orders, failpoint: `${point}:kill` });
  const { process: victim } = await startProcess('transfer-process.ts', text);
  const timer = setTimeout(() => victim.kill('SIGTERM'), PATIENCE_MS);
  const [code, signal] = victim.signalCode ? [null, victim.signalCode] : await once(victim, 'exit');
  clearTimeout(timer);
  if (signal !== 'SIGKILL') throw new Error(`${point} was not reached: ended with ${code ?? String(signal)}`);
}

/** Of all events of the stores that have one: transactions with what they moved in all. */
export async function sumsOfTransactions(stores: readonly EventStore[]): Promise<Map<string, bigint>> {
  const sums = new Map<string, bigint>();
  for (const store of stores) {
    for (const { transaction, amount } of await movesOf(store)) {
      sums.set(transaction, (sums.get(transaction) ?? 0n) + amount);
    }
  }
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
