// Connections and the ambient transaction: whoever runs inside transaction() shares its connection without passing it.
import { AsyncLocalStorage } from 'node:async_hooks';
import pg from 'pg';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { CommitUnknown, DatabaseUnavailable, translateDatabaseError } from './errors.js';

/** A statement with a name is prepared once a connection and reused. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
}

/** The running transaction. */
export interface Transaction {
  /** TypeORM's manager on this transaction's connection. */
  readonly manager: EntityManager;
  /** Calls back once the commit is durable; never when it was rolled back. */
  onCommit(callback: () => void): void;
}

interface ActiveTransaction extends Transaction {
  readonly client: pg.PoolClient;
  readonly callbacks: (() => void)[];
}

const INT8 = 20;

// pg declares the ids of its own types only; a server has more.
type TypeParsers = (oid: number, format?: 'text' | 'binary') => unknown;

// Positions are bigint; everything else is parsed as pg does by default.
const types: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    const parse: unknown = oid === INT8 ? BigInt : (pg.types.getTypeParser as TypeParsers)(oid, format);
    return parse as (value: string) => unknown;
  },
};

/** One PostgreSQL: queries go to the ambient transaction's connection when there is one, else to the pool. */
export class Database {
  private readonly ambient = new AsyncLocalStorage<ActiveTransaction>();

  constructor(readonly dataSource: DataSource) {}

  /** The ambient transaction, if the running code is in one. */
  get current(): Transaction | undefined {
    return this.ambient.getStore();
  }

  /** Runs a statement. int8 comes back as bigint. Errors: those of translateDatabaseError. */
  async query<Row extends object>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    const client = this.ambient.getStore()?.client ?? this.pool;
    return run<Row>(client, statement, values);
  }

  /** Runs a statement on a connection of its own, outside any ambient transaction and its snapshot. */
  async queryOutside<Row extends object>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    return run<Row>(this.pool, statement, values);
  }

  /**
   * Runs `work` in a transaction and commits, or rolls back when it throws; joins the ambient
   * transaction when there is one. Errors: what `work` throws; TransientConflict (nothing changed, run it again);
   * CommitUnknown when the answer to the commit was lost.
   */
  async transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const joined = this.ambient.getStore();
    if (joined) return work(joined);
    const runner = this.dataSource.createQueryRunner();
    try {
      const transaction = await begin(runner);
      const result = await this.ambient.run(transaction, () => work(transaction));
      await commit(transaction.client);
      for (const callback of transaction.callbacks) callback();
      return result;
    } catch (error) {
      await rollback(runner);
      throw translateDatabaseError(error);
    } finally {
      await runner.release();
    }
  }

  private get pool(): pg.Pool {
    return (this.dataSource.driver as unknown as { master: pg.Pool }).master;
  }
}

async function begin(runner: QueryRunner): Promise<ActiveTransaction> {
  const client = (await runner.connect()) as pg.PoolClient;
  await runner.startTransaction();
  const callbacks: (() => void)[] = [];
  return { client, manager: runner.manager, callbacks, onCommit: (callback) => callbacks.push(callback) };
}

async function commit(client: pg.PoolClient): Promise<void> {
  let command: string;
  try {
    ({ command } = await client.query('COMMIT'));
  } catch (error) {
    const translated = translateDatabaseError(error);
    if (!(translated instanceof DatabaseUnavailable)) throw translated;
    throw new CommitUnknown('the connection was lost while committing', {}, { cause: error });
  }
  // PostgreSQL answers COMMIT with ROLLBACK, and no error, when a statement had failed and the error was swallowed.
  if (command !== 'COMMIT')
    throw new Error('the transaction was rolled back: a statement in it failed, and its error was swallowed');
}

async function rollback(runner: QueryRunner): Promise<void> {
  if (!runner.isTransactionActive) return;
  try {
    await (await (runner.connect() as Promise<pg.PoolClient>)).query('ROLLBACK');
  } catch {
    // The connection is gone, and the transaction with it; the pool drops the connection.
  }
}

async function run<Row extends object>(
  client: pg.Pool | pg.PoolClient,
  statement: Statement,
  values: readonly unknown[],
): Promise<Row[]> {
  try {
    const result = await client.query<Row>({ ...statement, values: values as unknown[], types });
    return result.rows;
  } catch (error) {
    throw translateDatabaseError(error);
  }
}
