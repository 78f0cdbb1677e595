// What the handlers of the chaos test do: load, think, decide. The same for every workload: it is what a user would write.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Aggregates } from '@concord/commanding';
import { ConcordError } from '@concord/kernel';
import { Account, List } from '../aggregates.js';
import type { Key, Step } from '../checker/history.js';
import {
  ACCOUNTS,
  type AuditOrder,
  type DepositOrder,
  type ListOrder,
  type Order,
  type TransferOrder,
} from '../orders.js';
import type { Value } from './workload.js';

/** The order was to be refused in the end. */
export class Refused extends ConcordError {
  readonly code = 'refused-on-purpose';
}

/** Where aggregates come from: a command's, or those of a transaction over several stores. */
export type Loading = Pick<Aggregates, 'load' | 'loadAll' | 'read' | 'readAll'>;

export type At = (point: 'loaded' | 'decided') => void;

/** Carries out an order. Errors: Refused, InvariantBroken, and those of loading. */
export async function handle(aggregates: Loading, order: Order, at: At): Promise<Value | undefined> {
  if (order.f === 'txn') return changeLists(aggregates, order, at);
  if (order.f === 'transfer') return transfer(aggregates, order, at);
  if (order.f === 'deposit') return deposit(aggregates, order);
  return audit(aggregates, order);
}

async function changeLists(aggregates: Loading, order: ListOrder, at: At): Promise<Step[]> {
  const lists = new Lists(aggregates, order);
  if (!order.isStepwise) await lists.loadAll();
  const done: Step[] = [];
  for (const step of order.steps) {
    const list = await lists.of(step);
    if (done.length === 0) await thinking(order, at);
    done.push(carriedOut(step, list));
  }
  if (order.isRefused) throw new Refused('as was ordered');
  at('decided');
  return done;
}

/** What is changed is loaded, and what is only read is read: under shared locks. */
class Lists {
  private readonly loaded = new Map<Key, List>();
  private readonly changed: ReadonlySet<Key>;

  constructor(
    private readonly aggregates: Loading,
    private readonly order: ListOrder,
  ) {
    this.changed = new Set(order.steps.filter(([what]) => what === 'append').map(([, key]) => key));
  }

  async loadAll(): Promise<void> {
    const keys = [...new Set(this.order.steps.map(([, key]) => key))].map(String);
    const [changed, read] = [keys.filter((key) => this.changed.has(key)), keys.filter((key) => !this.changed.has(key))];
    if (changed.length > 0) this.keep(await this.aggregates.loadAll(List, changed));
    if (read.length > 0) this.keep(await this.aggregates.readAll(List, read));
  }

  /** One at a time. What is read first and changed later is read first, with the intent declared or without. */
  async of([what, key]: Step): Promise<List> {
    const { aggregates, order } = this;
    const mayChange = this.changed.has(key) && order.pauseMs % 2 === 0;
    if (what === 'append' && this.order.isStepwise) this.keep([await aggregates.load(List, String(key))]);
    else if (!this.loaded.has(key)) this.keep([await aggregates.read(List, String(key), { mayChange })]);
    return this.loaded.get(key) as List;
  }

  private keep(lists: readonly List[]): void {
    for (const list of lists) this.loaded.set(list.id, list);
  }
}

function carriedOut(step: Step, list: List): Step {
  const [what, key, element] = step;
  if (what === 'r') return ['r', key, list.state];
  list.append(element);
  return step;
}

async function transfer(aggregates: Loading, order: TransferOrder, at: At): Promise<undefined> {
  const { from, to, amount, isStepwise } = order;
  const load = async (): Promise<(Account | undefined)[]> =>
    isStepwise
      ? [await aggregates.load(Account, from), await aggregates.load(Account, to)]
      : aggregates.loadAll(Account, [from, to]);
  const [payer, payee] = await load();
  await thinking(order, at);
  payer?.move(-amount);
  payee?.move(amount);
  at('decided');
}

async function deposit(aggregates: Loading, { to, amount }: DepositOrder): Promise<undefined> {
  (await aggregates.load(Account, to)).move(amount);
}

async function audit(aggregates: Loading, { isStepwise }: AuditOrder): Promise<Record<string, number>> {
  if (!isStepwise) {
    const all = await aggregates.readAll(Account, ACCOUNTS);
    return Object.fromEntries(all.map(({ id, state }) => [id, state]));
  }
  const balances: Record<string, number> = {};
  // Declared to be read only: see one-store.ts.
  for (const id of ACCOUNTS.toReversed()) balances[id] = (await aggregates.load(Account, id)).state;
  return balances;
}

async function thinking({ pauseMs }: Order, at: At): Promise<void> {
  at('loaded');
  if (pauseMs > 0) await sleep(pauseMs);
}
