// What the chaos test does itself, on sound stores and over wires that nobody cuts: it opens the accounts, sees that nothing stays locked, and
// reads everything in the end, so that no append that is lost goes unnoticed.
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseUnavailable, type OpenDatabase } from '@concord/database';
import { openWhenServed } from '../torture/open-when-served.js';
import type { Key, Line, Step } from './checker/history.js';
import { ACCOUNTS, OPENING_BALANCE, type Order, storeOf } from './orders.js';
import { Recorder } from './recorder.js';
import type { Answer, Transactor, Workload } from './workloads/workload.js';

const KEYS_AT_ONCE = 20;
const MOST_ATTEMPTS = 20;

export class Finale {
  private orders = 0;

  private constructor(
    private readonly workload: Workload,
    private readonly transactor: Transactor,
    private readonly opened: readonly OpenDatabase[],
    private readonly recorder: Recorder,
  ) {}

  static async open(
    workload: Workload,
    urls: readonly string[],
    { path, origin }: { readonly path: string; readonly origin: bigint },
  ): Promise<Finale> {
    const transactor = await workload.open({ urls });
    const opened = await Promise.all(urls.map((url) => openWhenServed(url, 2)));
    return new Finale(workload, transactor, opened, new Recorder(path, origin));
  }

  async openAccounts(): Promise<void> {
    for (const to of ACCOUNTS) await this.run({ ...this.ordered(), f: 'deposit', to, amount: OPENING_BALANCE });
  }

  /** What is locked or undecided so long after `calm`; as soon as there is nothing, that. */
  async leftovers(calm: number, withinMs: number): Promise<{ left: string[]; tookMs: number }> {
    for (;;) {
      const left = await this.workload.leftovers(this.opened.map(({ database }) => database));
      const tookMs = Date.now() - calm;
      if (left.length === 0 || tookMs > withinMs) return { left, tookMs };
      await sleep(200);
    }
  }

  /** Every key of a history, and the bank. */
  async readAll(lines: readonly Line[]): Promise<void> {
    const transactions = lines.filter(({ f, type }) => f === 'txn' && type === 'invoke');
    const keys = new Set(transactions.flatMap(({ value }) => (value as Step[]).map(([, key]) => key)));
    const { isDistributed } = this.workload;
    const stores = Map.groupBy(keys, (key) => (isDistributed ? 0 : storeOf(key, this.opened.length)));
    for (const all of stores.values()) {
      for (let from = 0; from < all.length; from += KEYS_AT_ONCE) await this.read(all.slice(from, from + KEYS_AT_ONCE));
    }
    await this.record({ ...this.ordered(), f: 'read' }, null);
  }

  async close(): Promise<void> {
    await this.transactor.close();
    await Promise.all(this.opened.map((one) => one.close()));
  }

  private async read(keys: readonly Key[]): Promise<void> {
    const steps = keys.map((key): Step => ['r', key, null]);
    await this.record({ ...this.ordered(), f: 'txn', steps, isRefused: false }, steps);
  }

  private async record(order: Order, asked: unknown): Promise<void> {
    this.recorder.write(0, 'invoke', order.f, asked);
    const answer = await this.run(order);
    this.recorder.write(0, 'ok', order.f, answer.outcome === 'done' ? answer.value : asked);
  }

  /** Of the connections that it kept the server may have been killed. */
  private async run(order: Order): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.transactor.run(order);
      } catch (error) {
        if (attempt === MOST_ATTEMPTS || !(error instanceof DatabaseUnavailable)) throw error;
        await sleep(200);
      }
    }
  }

  private ordered(): Pick<Order, 'id' | 'isStepwise' | 'pauseMs'> {
    return { id: `chaos-0-${(this.orders += 1)}`, isStepwise: false, pauseMs: 0 };
  }
}
