// Transactions of one store each, as commands under the lock service: one phase. Of several stores each transaction has one, the bank the first.
import {
  Aggregates,
  CommandingOptions,
  CommandPipeline,
  DomainCommand,
  type HandlerDeclarations,
} from '@concord/commanding';
import type { Database, OpenDatabase } from '@concord/database';
import { type LockService, PostgresLockService } from '@concord/locking';
import { runInTenant } from '@concord/tenancy';
import { openWhenServed } from '../../torture/open-when-served.js';
import { Account } from '../aggregates.js';
import { type Order, storeOf } from '../orders.js';
import { handle } from './handle.js';
import { Points } from './points.js';
import { isWeakening, locksOn, WEAKENINGS } from './weakened-locks.js';
import { storeOn, weakly } from './weakened-store.js';
import type { Answer, Transactor, TransactorOptions, Value, Workload } from './workload.js';

const TENANT = 'chaos';
const POINTS = ['loaded', 'decided', 'committed'] as const;
const CONNECTIONS = 12;

/** Those of one aggregate run in mailboxes, where they can: a class that once had several never does again. */
class OnOne extends DomainCommand<Order, Value | undefined> {}
class OnSeveral extends DomainCommand<Order, Value | undefined> {}

/** As by @Reads(Account). */
const AUDITS: HandlerDeclarations = { isolation: 'serializable', reads: [Account] };

export const oneStore: Workload = {
  isDistributed: false,
  weakenings: WEAKENINGS,
  points: POINTS,
  open: async (options) => OneStore.open(options),
  leftovers: async (databases) => (await Promise.all(databases.map(leftoversOf))).flat(),
};

class OneStore implements Transactor {
  private readonly aggregates = new Aggregates();
  private readonly points = new Points(POINTS);
  private readonly pipelines: readonly CommandPipeline[];
  private readonly locks: readonly LockService[];

  private constructor(
    private readonly opened: readonly OpenDatabase[],
    { weakening, mailboxes = true }: Omit<TransactorOptions, 'urls'>,
  ) {
    if (weakening !== undefined && !isWeakening(weakening)) {
      throw new Error(`there is no weakening "${weakening}": take one of ${WEAKENINGS.join(', ')}`);
    }
    this.locks = opened.map(({ database }) => locksOn(database, weakening));
    this.pipelines = opened.map(
      ({ database }, store) =>
        new CommandPipeline(
          storeOn(database, weakening),
          undefined,
          this.locks[store],
          new CommandingOptions({ mailboxes }),
        ),
    );
  }

  static async open({ urls, ...options }: TransactorOptions): Promise<OneStore> {
    const opening = urls.map((url) => openWhenServed(url, CONNECTIONS));
    return new OneStore(await Promise.all(opening), options);
  }

  async run(order: Order): Promise<Answer> {
    const keys = order.f === 'txn' ? new Set(order.steps.map(([, key]) => key)) : new Set<string>();
    const [first] = keys;
    const pipeline = this.pipelines[first === undefined ? 0 : storeOf(first, this.pipelines.length)];
    if (!pipeline) throw new Error(`there is no store of ${String(first)}`);
    const command = keys.size === 1 ? new OnOne(order, order.id) : new OnSeveral(order, order.id);
    const work = () => handle(this.aggregates, order, (point) => this.points.at(point));
    const outcome = await runInTenant(TENANT, () =>
      pipeline.run(command, () => weakly(order, work), order.f === 'read' ? AUDITS : undefined),
    );
    this.points.at('committed');
    return outcome.repeated ? { outcome: 'repeated' } : { outcome: 'done', value: outcome.value };
  }

  dieAt(point: string): void {
    this.points.dieAt(point);
  }

  async close(): Promise<void> {
    await Promise.all(this.locks.map((one) => one.close()));
    await Promise.all(this.opened.map((one) => one.close()));
  }
}

const LEFT_IN_SERVER = `
  select 'an advisory lock of process ' || pid as what from pg_locks
    where locktype = 'advisory' and classid::bigint >> 16 = x'4C4D'::int
      and database = (select oid from pg_database where datname = current_database())
  union all
  select 'an open transaction of process ' || pid || ': ' || left(query, 80) from pg_stat_activity
    where datname = current_database() and state like 'idle in transaction%'
  union all
  select 'a prepared transaction ' || gid from pg_prepared_xacts where database = current_database()`;

/** Locks, waiters and open transactions of a database. */
export async function leftoversOf(database: Database): Promise<string[]> {
  const locks = new PostgresLockService(database);
  try {
    const [held, waits, rows] = await Promise.all([
      locks.locks(),
      locks.waits(),
      database.query<{ what: string }>({ text: LEFT_IN_SERVER }),
    ]);
    return [
      ...held.map(({ stream, owner, label }) => `a lock on ${stream} of ${owner} (${label})`),
      ...waits.map(({ stream, owner }) => `${owner} waits for ${stream}`),
      ...rows.map(({ what }) => what),
    ];
  } finally {
    await locks.close();
  }
}
