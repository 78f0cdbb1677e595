// Connections and the ambient transaction: whoever runs inside transaction() shares its connection without passing it.
import { AsyncLocalStorage } from 'node:async_hooks';
import pg from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import { TransactionNeeded, translateDatabaseError } from './errors.js';
import { Notifications } from './notifications.js';
import { parseTimestamp } from './timestamps.js';
import { ActiveTransaction, type Transaction } from './transaction.js';

/** A statement with a name is prepared once a connection and reused. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
}

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
  private readonly ambient = new AsyncLocalStorage<ActiveTransaction | Tentative>();

  /** Hints between processes. They have a connection of their own, opened when it is first needed. */
  readonly notifications = new Notifications(() => this.hintSettings());

  constructor(readonly dataSource: DataSource) {}

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
    try {
      return await this.ambient.run(tentative, work);
    } finally {
      // eslint-disable-next-line no-unsafe-finally -- what it came to does not count: it has to run again
      if (tentative.refused) throw tentative.refused;
    }
  }

  /**
   * Runs a statement. int8 comes back as bigint. In a transaction it is sent at once, in the order of the calls, and
   * need not be awaited before the transaction ends. Errors: those of translateDatabaseError.
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

  /** Runs a statement on a connection of its own, outside any ambient transaction and its snapshot. */
  async queryOutside<Row extends object>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      const { rows } = await this.pool.query<Row>({ ...statement, values: values as unknown[], types });
      return rows;
    } catch (error) {
      throw translateDatabaseError(error);
    }
  }

  /** Reads through TypeORM, in the ambient transaction when there is one. Errors: those of translateDatabaseError. */
  async read<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const ambient = this.ambient.getStore();
    if (ambient instanceof Tentative) throw ambient.refuse();
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
    const joined = this.ambient.getStore();
    if (joined instanceof Tentative) throw joined.refuse();
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
      await transaction.commit();
      return result;
    } catch (error) {
      await transaction.rollback().catch(breaks);
      throw translateDatabaseError(error);
    } finally {
      client.off('error', breaks);
      // A broken connection leaves the pool.
      client.release(broken);
    }
  }

  private async connect(): Promise<pg.PoolClient> {
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
