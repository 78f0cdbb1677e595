// Transactions over several stores, by two-phase commit: every worker is a coordinator, and a recovering one. The log of
// decisions is beside the first store; lists and accounts are spread over all of them.
import { failpoints, PostgresParticipant, TransactionCoordinator } from '@concord/coordination';
import type { Database, OpenDatabase } from '@concord/database';
import { type AggregateType, type AnyAggregate } from '@concord/domain';
import { PostgresEventStore } from '@concord/event-store';
import { derivedId } from '@concord/kernel';
import { type LockService, PostgresLockService } from '@concord/locking';
import { runInTenant } from '@concord/tenancy';
import { openWhenServed } from '../../torture/open-when-served.js';
import { Account } from '../aggregates.js';
import { ACCOUNTS, type Order, storeOf } from '../orders.js';
import { handle, type Loading } from './handle.js';
import { leftoversOf } from './one-store.js';
import { Points } from './points.js';
import { BROKEN_PROTOCOLS, participantOf } from './weakened-participants.js';
import type { Answer, Transactor, TransactorOptions, Value, Workload } from './workload.js';

const TENANT = 'chaos';
const OWN_POINTS = ['loaded', 'decided', 'committed'];
const CONNECTIONS = 8;
const TIMING = { everyMs: 200, graceMs: 500, askAfterMs: 2_000, patienceMs: 3_000 };

export const twoPhase: Workload = {
  isDistributed: true,
  weakenings: BROKEN_PROTOCOLS,
  points: [...failpoints.names.filter((name) => !name.startsWith('operator.')), ...OWN_POINTS],
  open: async (options) => TwoPhase.open(options),
  leftovers,
};

const nameOf = (store: number): string => `store${store}`;

class TwoPhase implements Transactor {
  private readonly points = new Points(OWN_POINTS);

  private constructor(
    private readonly opened: readonly OpenDatabase[],
    private readonly stores: readonly PostgresEventStore[],
    private readonly locks: readonly LockService[],
    private readonly coordinator: TransactionCoordinator,
  ) {}

  static async open({ urls, weakening }: TransactorOptions): Promise<TwoPhase> {
    const opened = await Promise.all(urls.map((url) => openWhenServed(url, CONNECTIONS)));
    const stores = opened.map(({ database }) => new PostgresEventStore(database));
    const locks = opened.map(({ database }) => new PostgresLockService(database));
    const [{ database: log }] = opened as [OpenDatabase];
    const participants = opened.map(({ database }, index) => {
      const parts = { name: nameOf(index), database, store: stores[index]!, locks: locks[index]! };
      return weakening === undefined ? new PostgresParticipant(parts) : participantOf(weakening, parts, log);
    });
    const coordinator = new TransactionCoordinator({ database: log, participants, ...TIMING });
    await coordinator.start();
    return new TwoPhase(opened, stores, locks, coordinator);
  }

  async run(order: Order): Promise<Answer> {
    const place = (type: object, id: string): string => {
      const stores = this.opened.length;
      return nameOf(type === Account ? ACCOUNTS.indexOf(id) % stores : storeOf(id, stores));
    };
    const result = await runInTenant(TENANT, () =>
      this.coordinator.transaction<Value | undefined>(
        (transaction) => {
          const of = (type: object, id: string): Part => transaction.store(place(type, id));
          return handle(new Spread(of, order.isStepwise), order, (point) => this.points.at(point));
        },
        { id: derivedId('chaos', order.id) },
      ),
    );
    this.points.at('committed');
    return result.outcome === 'repeated' ? { outcome: 'repeated' } : { outcome: 'done', value: result.value };
  }

  dieAt(point: string): void {
    const step = failpoints.names.find((name) => name === point);
    if (step) failpoints.add(`${step}:kill`);
    else this.points.dieAt(point);
  }

  async close(): Promise<void> {
    await this.coordinator.stop();
    for (const all of [this.locks, this.stores, this.opened]) await Promise.all(all.map((one) => one.close()));
  }
}

interface Part {
  load<A extends AnyAggregate>(type: AggregateType<A>, id: string): Promise<A>;
  read<A extends AnyAggregate>(type: AggregateType<A>, id: string): Promise<A>;
}

/** Aggregates of several stores. */
class Spread implements Loading {
  constructor(
    private readonly of: (type: object, id: string) => Part,
    private readonly isStepwise: boolean,
  ) {}

  load<A extends AnyAggregate>(type: AggregateType<A>, id: string): Promise<A> {
    return this.of(type, id).load(type, id);
  }

  loadAll<A extends AnyAggregate>(type: AggregateType<A>, ids: readonly string[]): Promise<A[]> {
    return this.each(ids, (id) => this.load(type, id));
  }

  /** With the intent to change: exclusively at once. */
  read<A extends AnyAggregate>(type: AggregateType<A>, id: string, { mayChange = false } = {}): Promise<A> {
    return mayChange ? this.load(type, id) : this.of(type, id).read(type, id);
  }

  readAll<A extends AnyAggregate>(type: AggregateType<A>, ids: readonly string[]): Promise<A[]> {
    return this.each(ids, (id) => this.read(type, id));
  }

  private async each<A>(ids: readonly string[], get: (id: string) => Promise<A>): Promise<A[]> {
    if (!this.isStepwise) return Promise.all(ids.map(get));
    const all: A[] = [];
    for (const id of ids) all.push(await get(id));
    return all;
  }
}

const UNSETTLED = `
  select 'transaction ' || transaction_id || ' is ' || state || ' in the log of decisions' as what from concord.transactions
  union all
  select participant || ' is in doubt about ' || transaction_id from concord.prepared_transactions where state = 'prepared'
  union all
  select 'a prepared lock on ' || stream || ' of ' || owner from concord.prepared_locks`;

const SETTLED = `select transaction_id as id, state from concord.prepared_transactions where state <> 'prepared'`;

async function leftovers(databases: readonly Database[]): Promise<string[]> {
  const states = new Map<string, Set<string>>();
  const found = await Promise.all(
    databases.map(async (database) => {
      for (const { id, state } of await database.query<{ id: string; state: string }>({ text: SETTLED })) {
        states.set(id, (states.get(id) ?? new Set()).add(state));
      }
      const unsettled = await database.query<{ what: string }>({ text: UNSETTLED });
      return [...(await leftoversOf(database)), ...unsettled.map(({ what }) => what)];
    }),
  );
  const split = [...states].filter(([, all]) => all.size > 1).map(([id]) => `participants disagree about ${id}`);
  return [...found.flat(), ...split];
}
