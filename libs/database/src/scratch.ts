// Empty copies of some tables where only one connection sees them: temporary tables, gone with the connection, however it ends.
// Row classes lead there, schema and all, while everybody else's lead where they always did.
import pg from 'pg';
import type { DataSource, EntityMetadata } from 'typeorm';
import { Database } from './database.js';
import type { RowClass } from './open-database.js';

/** A Database whose statements for some row classes go to empty copies of their tables. */
export interface Scratch {
  /** One connection of its own. All other tables are what they are. */
  readonly database: Database;
  /** Where the rows of a class are, quoted: its table, and the copy. */
  tablesOf(type: RowClass): { readonly table: string; readonly copy: string };
  close(): Promise<void>;
}

/** Copies have columns, keys, indexes, checks and defaults; no rows, triggers or foreign keys. Errors: those of a query. */
export async function openScratch(database: Database, types: readonly RowClass[]): Promise<Scratch> {
  const { dataSource } = database;
  const moved = new Map(
    types.map((type) => dataSource.getMetadata(type)).map((one, index) => [one, copyOf(one, index)]),
  );
  const pool = new pg.Pool(oneConnectionLike(dataSource));
  // A connection that breaks takes the tables with it: the next statement says so.
  pool.on('error', () => undefined);
  const scratch = new Database(leadingTo(moved, dataSource, pool));
  const tablesOf = (type: RowClass): { table: string; copy: string } => ({
    table: quoted(dataSource.getMetadata(type)),
    copy: quoted(scratch.dataSource.getMetadata(type)),
  });
  const close = async (): Promise<void> => {
    await scratch.close();
    await pool.end();
  };
  try {
    await scratch.transaction(async () => {
      for (const type of types) {
        const { table, copy } = tablesOf(type);
        await scratch.query({ text: `create temporary table ${copy} (like ${table} including all)` });
      }
    });
  } catch (error) {
    await close();
    throw error;
  }
  return { database: scratch, tablesOf, close };
}

function copyOf(metadata: EntityMetadata, index: number): EntityMetadata {
  const tableName = `scratch_${index}`;
  const path = { schema: 'pg_temp', tableName, tablePath: `pg_temp.${tableName}` };
  return Object.assign(Object.create(metadata) as EntityMetadata, path);
}

/** TypeORM asks a DataSource for a class's table and for connections; everything else stays as it is. */
function leadingTo(
  moved: ReadonlyMap<EntityMetadata, EntityMetadata>,
  dataSource: DataSource,
  pool: pg.Pool,
): DataSource {
  const entityMetadatasMap = new Map(
    [...dataSource.entityMetadatasMap].map(([type, metadata]) => [type, moved.get(metadata) ?? metadata]),
  );
  const driver = Object.create(dataSource.driver, { master: { value: pool } }) as DataSource['driver'];
  return Object.create(dataSource, {
    entityMetadatasMap: { value: entityMetadatasMap },
    driver: { value: driver },
  }) as DataSource;
}

function oneConnectionLike(dataSource: DataSource): pg.PoolConfig {
  const { options } = (dataSource.driver as unknown as { master: pg.Pool }).master;
  // The pool hides its password from those who copy its options.
  const secret = options.password === undefined ? {} : { password: options.password };
  // The tables are gone when the connection is: it is kept, idle or not.
  const kept = { max: 1, idleTimeoutMillis: 0, maxLifetimeSeconds: 0, maxUses: Number.POSITIVE_INFINITY };
  return { ...options, ...secret, ...kept, application_name: 'concord scratch' };
}

function quoted({ tablePath }: EntityMetadata): string {
  return tablePath
    .split('.')
    .map((name) => `"${name.replaceAll('"', '""')}"`)
    .join('.');
}
