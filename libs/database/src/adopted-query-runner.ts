// TypeORM on a connection and in a transaction that it did not begin. Made only when somebody asks for the manager, so
// that the main path does not pay for it.
import type pg from 'pg';
import type { DataSource } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { PostgresQueryRunner } from 'typeorm/driver/postgres/PostgresQueryRunner.js';
import { refuseTransactionControl } from './transaction-control.js';

/** A query runner inside a running transaction: a transaction begun on it is a savepoint. Whoever made it ends it. */
export class AdoptedQueryRunner extends PostgresQueryRunner {
  constructor(dataSource: DataSource, client: pg.PoolClient) {
    super(dataSource.driver as PostgresDriver, 'master');
    this.manager = dataSource.createEntityManager(this);
    this.databaseConnection = client;
    this.databaseConnectionPromise = Promise.resolve(client);
    this.isTransactionActive = true;
    this.transactionDepth = 1;
  }

  override connect(): Promise<unknown> {
    return this.databaseConnectionPromise;
  }

  /** Errors: InvalidArgument, for what would end a transaction that it did not begin. */
  override async query(...[text, ...rest]: Parameters<PostgresQueryRunner['query']>): Promise<never> {
    refuseTransactionControl({ text });
    return super.query(text, ...rest) as Promise<never>;
  }

  /** From here on every use is refused. */
  end(): void {
    this.isReleased = true;
  }

  override release(): Promise<void> {
    return Promise.resolve();
  }
}
