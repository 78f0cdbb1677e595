// The clients of one process: side by side, each with one order at a time, and everything they ask and are told written down.
import { setTimeout as sleep } from 'node:timers/promises';
import { TransactionAborted } from '@concord/coordination';
import { InvariantBroken } from '@concord/domain';
import { ConcordError } from '@concord/kernel';
import type { Dice } from '../torture/model.js';
import type { Complaint } from './messages.js';
import type { Keys, Order, Orders } from './orders.js';
import { Refused } from './workloads/handle.js';
import type { Transactor, Value } from './workloads/workload.js';

export interface ClientsOptions {
  readonly transactor: Transactor;
  readonly orders: Orders;
  readonly keys: Keys;
  readonly dice: Dice;
  /** The worker that they are in: its processes have names of their own. */
  readonly worker: number;
  readonly write: (process: number, type: 'invoke' | 'ok' | 'fail' | 'info', f: string, value: unknown) => void;
  readonly onError: (complaint: Complaint) => void;
  /** Slots have got other keys. */
  readonly onNewKeys?: () => void;
}

type Outcome = { readonly type: 'ok'; readonly value: unknown } | { readonly type: 'fail' | 'info' };

const MOST_SENDINGS = 4;

export class Clients {
  private processes = 0;
  private isStopping = false;

  constructor(private readonly options: ClientsOptions) {}

  /** So many, until stop(). */
  async run(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.client()));
  }

  stop(): void {
    this.isStopping = true;
  }

  private async client(): Promise<void> {
    const { orders, write } = this.options;
    for (let process = this.newProcess(); !this.isStopping;) {
      const order = orders.next();
      write(process, 'invoke', order.f, askedBy(order));
      const outcome = await this.send(order);
      write(process, outcome.type, order.f, outcome.type === 'ok' ? outcome.value : askedBy(order));
      if (outcome.type === 'ok' && order.f === 'txn') this.learn(outcome.value as typeof order.steps);
      // One that does not know what became of its order is heard of no more.
      if (outcome.type === 'info') process = this.newProcess();
      if (outcome.type === 'info') await sleep(50);
    }
  }

  private newProcess(): number {
    return this.options.worker * 1_000_000 + (this.processes += 1);
  }

  /** An order whose answer was lost may be sent again, under the same id. */
  private async send(order: Order): Promise<Outcome> {
    const sendings = this.options.dice.below(2) === 0 ? MOST_SENDINGS : 1;
    for (let sending = 1; ; sending += 1) {
      const outcome = await this.once(order, sending === 1);
      if (outcome.type !== 'info' || sending >= sendings || this.isStopping) return outcome;
      await sleep(100);
    }
  }

  private async once(order: Order, isFirst: boolean): Promise<Outcome> {
    try {
      const answer = await this.options.transactor.run(order);
      return { type: 'ok', value: answered(order, answer.outcome === 'done' ? answer.value : undefined) };
    } catch (error) {
      const code = error instanceof ConcordError ? error.code : 'unexpected';
      this.options.onError({ code, message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      if (error instanceof Refused) return { type: 'fail' };
      // Sent before, it may have been applied then, and refused now for that reason.
      const isRefusal = error instanceof InvariantBroken || error instanceof TransactionAborted;
      return { type: isRefusal && isFirst ? 'fail' : 'info' };
    }
  }

  private learn(steps: Extract<Order, { f: 'txn' }>['steps']): void {
    const { keys, onNewKeys } = this.options;
    const full = steps.filter(([what, key, read]) => what === 'r' && read !== null && keys.found(key, read.length));
    if (full.length > 0) onNewKeys?.();
  }
}

function askedBy(order: Order): unknown {
  if (order.f === 'txn') return order.steps;
  return order.f === 'transfer' ? { from: order.from, to: order.to, amount: order.amount } : null;
}

/** Of a repeat it is not known what it read. */
function answered(order: Order, value: Value | undefined): unknown {
  if (value !== undefined) return value;
  return order.f === 'txn' ? order.steps.filter(([what]) => what === 'append') : askedBy(order);
}
