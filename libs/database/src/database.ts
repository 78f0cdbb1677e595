// Connections and the ambient transaction: whoever runs inside transaction() shares its connection without passing it.
import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import { DatabaseUnavailable, TransactionNeeded, translateDatabaseError } from './errors.js';
import { Notifications } from './notifications.js';
import { endPatience } from './silence.js';
import { parseTimestamp } from './timestamps.js';
import { refuseTransactionControl } from './transaction-control.js';
import { ActiveTransaction, type Transaction } from './transaction.js';

/** A statement with a name is prepared once a connection and reused. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
}

const LOOK_AGAIN_MS = 10;
const OURS: ReadonlyMap<number, (text: string) => unknown> = new Map<number, (text: string) => unknown>([
  [pg.types.builtins.INT8, BigInt],
  [pg.types.builtins.TIMESTAMPTZ, parseTimestamp],
]);

// pg declares the ids of its own types only; a server has more.
type TypeParsers = (oid: number, format?: 'text' | 'binary') => unknown;

// Positions are bigint; everything else comes out as with pg by default.
const types: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    const parse: unknown = OURS.get(oid) ?? (pg.types.getTypeParser as TypeParsers)(oid, format);
    return parse as (value: string) => unknown;
  },
};

/** One PostgreSQL: queries go to the ambient transaction's connection when there is one, else to the pool. */
export class Database {
  private closing = false;
  private aside: pg.Pool | undefined;
  private readonly ambient = new AsyncLocalStorage<ActiveTransaction | Tentative>();

  /** Hints between processes. They have a connection of their own, opened when it is first needed. */
  readonly notifications = new Notifications(() => this.hintSettings());

  constructor(readonly dataSource: DataSource) {}

  /** How many connections there are at most. */
  get poolSize(): number {
    return this.pool.options.max;
  }

  /** The ambient transaction, if the running code is in one. */
  get current(): Transaction | undefined {
    const ambient = this.ambient.getStore();
    return ambient instanceof Tentative ? undefined : ambient;
  }

  /**
   * Runs `work` where no transaction is expected: whatever uses the database in it is refused. Errors: TransactionNeeded
   * at the end of such work, even if it went on without; else what `work` throws.
   */
  async tentatively<T>(work: () => Promise<T>): Promise<T> {
    const tentative = new Tentative();
    const running = this.ambient.run(tentative, async () => work());
    await running.catch(() => undefined);
    // Whatever it came to: it has to run again.
    if (tentative.refused) throw tentative.refused;
    return running;
  }

  /**
   * For what goes past query(), on a connection of its own. Errors: TransactionNeeded, where the running code is to do
   * without the database.
   */
  refuseTentative(): void {
    const ambient = this.ambient.getStore();
    if (ambient instanceof Tentative) throw ambient.refuse();
  }

  /**
   * Runs a statement. int8 comes back as bigint. In a transaction it is sent at once, in the order of the calls, and
   * need not be awaited before the transaction ends. Errors: those of translateDatabaseError; InvalidArgument for a
   * statement that begins or ends a transaction.
   */
  query<Row extends object>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    const transaction = this.ambient.getStore();
    if (!transaction) return this.queryOutside(statement, values);
    if (transaction instanceof Tentative) return Promise.reject(transaction.refuse());
    const rows = transaction
      .send<Row>({ ...statement, values: values as unknown[], types })
      .then((result) => result.rows);
    // Nobody may be waiting for it; the commit reports it.
    rows.catch(() => undefined);
    return rows;
  }

  /** Runs `work` as if there were no ambient transaction. */
  outside<T>(work: () => T): T {
    return this.ambient.exit(work);
  }

  /**
   * From now on new work is refused with DatabaseUnavailable; resolves when all that was waiting for a connection has got
   * one, or has given up. The pool forgets who waits when it is ended.
   */
  async drain(): Promise<void> {
    this.closing = true;
    while (this.pool.waitingCount > 0) await sleep(LOOK_AGAIN_MS);
  }

  /** Runs a statement on a connection of its own, outside any ambient transaction and its snapshot. */
  async queryOutside<Row extends object>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    this.assertOpen();
    refuseTransactionControl(statement);
    try {
      const { rows } = await this.pool.query<Row>({ ...statement, values: values as unknown[], types });
      return rows;
    } catch (error) {
      throw translateDatabaseError(error);
    }
  }

  /**
   * As queryOutside(), on one connection that no transaction ever holds: for what transactions wait for, who together may
   * hold all others.
   */
  async queryAside<Row extends object>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    refuseTransactionControl(statement);
    try {
      const { rows } = await this.openAside().query<Row>({ ...statement, values: values as unknown[], types });
      return rows;
    } catch (error) {
      throw translateDatabaseError(error);
    }
  }

  /** Ends the connections that are not the DataSource's. */
  async close(): Promise<void> {
    await this.drain();
    await this.notifications.close();
    await this.aside?.end();
  }

  /** Reads through TypeORM, in the ambient transaction when there is one. Errors: those of translateDatabaseError. */
  async read<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    this.refuseTentative();
    const ambient = this.current;
    try {
      return await work(ambient?.manager ?? this.dataSource.manager);
    } catch (error) {
      throw translateDatabaseError(error);
    }
  }

  /**
   * Runs `work` in a transaction and commits, or rolls back when it throws; joins the ambient transaction when there is
   * one. Errors: what `work` throws; TransientConflict (nothing changed, run it again); CommitUnknown when the answer to
   * the commit was lost.
   */
  async transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    this.refuseTentative();
    const joined = this.current;
    if (joined) return work(joined);
    const client = await this.connect();
    let broken: Error | undefined;
    const breaks = (error: Error): void => {
      broken = error;
    };
    client.on('error', breaks);
    const transaction = new ActiveTransaction(this.dataSource, client);
    try {
      const result = await this.ambient.run(transaction, () => work(transaction));
      // Not awaited in vain: the commit goes in the same packet as the last statement.
      if (transaction.isHeld) await transaction.release();
      await transaction.commit();
      return result;
    } catch (error) {
      const reason = await transaction.reasonOf(error);
      await transaction.rollback().catch(breaks);
      throw translateDatabaseError(reason);
    } finally {
      client.off('error', breaks);
      endPatience(client);
      // A broken connection leaves the pool.
      client.release(broken);
    }
  }

  private assertOpen(): void {
    if (this.closing) throw new DatabaseUnavailable('the database is being closed');
  }

  private openAside(): pg.Pool {
    this.assertOpen();
    if (this.aside) return this.aside;
    this.aside = new pg.Pool({ ...this.hintSettings(), application_name: 'concord keys', max: 1 });
    // An idle connection that breaks is replaced by the next query.
    this.aside.on('error', () => undefined);
    return this.aside;
  }

  private async connect(): Promise<pg.PoolClient> {
    this.assertOpen();
    try {
      return await this.pool.connect();
    } catch (error) {
      throw translateDatabaseError(error);
    }
  }

  private hintSettings(): pg.ClientConfig {
    const { options } = this.pool;
    // The pool hides its password from those who copy its options.
    const secret = options.password === undefined ? {} : { password: options.password };
    return { ...options, ...secret, keepAlive: true, application_name: 'concord hints' };
  }

  private get pool(): pg.Pool {
    return (this.dataSource.driver as unknown as { master: pg.Pool }).master;
  }
}

/** Stands where a transaction would, and remembers that one was needed. */
class Tentative {
  refused: TransactionNeeded | undefined;

  refuse(): TransactionNeeded {
    this.refused ??= new TransactionNeeded('this work uses the database: run it in a transaction');
    return this.refused;
  }
}
