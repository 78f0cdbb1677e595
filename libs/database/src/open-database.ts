// From settings to a migrated, ready Database, and back.
import type pg from 'pg';
import { wholeNumberSetting } from '@concord/kernel';
import { DataSource, type EntitySchema } from 'typeorm';
import { Database } from './database.js';
import { openPostgres, type PostgresLease } from './embedded/index.js';
import { runMigrations } from './migrations/index.js';
import { type NamedDatabase, urlOfNamed } from './named-database.js';
import { giveUpWhenSilent } from './silence.js';

/** Row classes of TypeORM. */
export type RowClass = (new () => object) | EntitySchema<object>;

/** Without `url` and DATABASE_URL, an embedded PostgreSQL in `dataFolder`, CONCORD_DATA or ./.concord. */
export interface DatabaseOptions {
  readonly url?: string;
  readonly dataFolder?: string;
  /** Another database of that server. */
  readonly named?: NamedDatabase;
  readonly rows?: readonly RowClass[];
  /** Connections of this process at most; 20 by default. */
  readonly poolSize?: number;
  /**
   * After so long without a word of the server, while it owes an answer, its connection is given up: DatabaseUnavailable,
   * CommitUnknown for a commit. 0: never. Else DATABASE_SILENCE_MS, 60 seconds by default.
   */
  readonly silenceMs?: number;
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
// Well above the 10 seconds for a lock: a statement may wait for one after the other.
const SILENCE_MS = 60 * SECOND;
const LONGEST_SILENCE_MS = 3600 * SECOND;

/**
 * Opens, migrates and connects. Errors: InvalidArgument that names the setting; EmbeddedPostgresError, MigrationChanged
 * and what the server refuses.
 */
export async function openDatabase(options: DatabaseOptions = {}): Promise<OpenDatabase> {
  const { url, dataFolder, onProgress } = options;
  const silenceMs =
    options.silenceMs ?? wholeNumberSetting(process.env, 'DATABASE_SILENCE_MS', SILENCE_MS, LONGEST_SILENCE_MS);
  const lease = await openPostgres({
    ...(url && { url }),
    ...(dataFolder && { dataFolder }),
    ...(onProgress && { onProgress }),
  });
  const dataSource = await opened(lease, { ...options, silenceMs }).catch(async (error: unknown) => {
    await lease.release();
    throw error;
  });
  const database = new Database(dataSource);
  const end = async (): Promise<void> => {
    await database.close();
    await dataSource.destroy();
    await lease.release();
  };
  let ended: Promise<void> | undefined;
  return { database, embedded: lease.embedded, close: () => (ended ??= end()) };
}

async function opened(lease: PostgresLease, options: DatabaseOptions & { silenceMs: number }): Promise<DataSource> {
  const url = options.named ? await urlOfNamed(lease.url, options.named) : lease.url;
  const dataSource = newDataSource(url, options);
  try {
    await dataSource.initialize();
    await runMigrations(dataSource);
    return dataSource;
  } catch (error) {
    if (dataSource.isInitialized) await dataSource.destroy();
    throw error;
  }
}

function newDataSource(url: string, options: DatabaseOptions & { silenceMs: number }): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    applicationName: 'concord',
    entities: [...(options.rows ?? [])],
    poolSize: options.poolSize ?? 20,
    connectTimeoutMS: 30 * SECOND,
    extra: {
      // Statements are sent without waiting for the answers to those before them.
      pipeline: true,
      // TCP asks a server that is silent whether it is there at all, and gives up after ten more seconds.
      keepAlive: true,
      keepAliveInitialDelayMillis: 10 * SECOND,
      // Whatever the server's default is: each statement sees what was committed before it, as the locks and the feed need.
      onConnect: (client: pg.ClientBase) => {
        giveUpWhenSilent(client, options.silenceMs);
        return client.query('set session characteristics as transaction isolation level read committed');
      },
      // Nobody waits for a lock for ever, and nobody who went silent in a transaction keeps one for ever.
      lock_timeout: 10 * SECOND,
      idle_in_transaction_session_timeout: 30 * SECOND,
    },
  });
}
