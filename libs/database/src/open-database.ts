// From settings to a migrated, ready Database, and back.
import type pg from 'pg';
import { DataSource, type EntitySchema } from 'typeorm';
import { Database } from './database.js';
import { openPostgres, type PostgresLease } from './embedded/index.js';
import { runMigrations } from './migrations/index.js';

/** Row classes of TypeORM. */
export type RowClass = (new () => object) | EntitySchema<object>;

/** Without `url` and DATABASE_URL, an embedded PostgreSQL in `dataFolder`, CONCORD_DATA or ./.concord. */
export interface DatabaseOptions {
  readonly url?: string;
  readonly dataFolder?: string;
  readonly rows?: readonly RowClass[];
  /** Connections of this process at most; 20 by default. */
  readonly poolSize?: number;
  readonly onProgress?: (line: string) => void;
}

/** A database and what it runs on. */
export interface OpenDatabase {
  readonly database: Database;
  readonly embedded: boolean;
  /** A second call waits for the first. */
  close(): Promise<void>;
}

const SECOND = 1000;

/** Opens, migrates and connects. Errors: EmbeddedPostgresError, MigrationChanged and what the server refuses. */
export async function openDatabase(options: DatabaseOptions = {}): Promise<OpenDatabase> {
  const { url, dataFolder, onProgress } = options;
  const lease = await openPostgres({
    ...(url && { url }),
    ...(dataFolder && { dataFolder }),
    ...(onProgress && { onProgress }),
  });
  const dataSource = newDataSource(lease, options);
  try {
    await dataSource.initialize();
    await runMigrations(dataSource);
  } catch (error) {
    if (dataSource.isInitialized) await dataSource.destroy();
    await lease.release();
    throw error;
  }
  const database = new Database(dataSource);
  const end = async (): Promise<void> => {
    await database.close();
    await dataSource.destroy();
    await lease.release();
  };
  let ended: Promise<void> | undefined;
  return { database, embedded: lease.embedded, close: () => (ended ??= end()) };
}

function newDataSource(lease: PostgresLease, options: DatabaseOptions): DataSource {
  return new DataSource({
    type: 'postgres',
    url: lease.url,
    applicationName: 'concord',
    entities: [...(options.rows ?? [])],
    poolSize: options.poolSize ?? 20,
    connectTimeoutMS: 30 * SECOND,
    extra: {
      // Statements are sent without waiting for the answers to those before them.
      pipeline: true,
      // Whatever the server's default is: each statement sees what was committed before it, as the locks and the feed need.
      onConnect: (client: pg.ClientBase) =>
        client.query('set session characteristics as transaction isolation level read committed'),
      // Nobody waits for a lock for ever, and nobody who went silent in a transaction keeps one for ever.
      lock_timeout: 10 * SECOND,
      idle_in_transaction_session_timeout: 30 * SECOND,
    },
  });
}
