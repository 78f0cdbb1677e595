// Brings a database up to this code's migrations, through TypeORM's runner. Any number of processes may start at once.
import type pg from 'pg';
import { AbstractLogger, DataSource, MigrationExecutor, type MigrationInterface, type QueryRunner } from 'typeorm';
import { DatabaseNewerThanCode, MigrationChanged, MigrationFailed } from './migration-errors.js';
import { type MigrationFile, readMigrations } from './migration-files.js';
import { loadSql } from '../load-sql.js';
import { bePatient } from '../silence.js';

/** Gives the names of the migrations it applied. Works on a connection of its own, with the options of `dataSource`. */
export async function runMigrations(dataSource: DataSource, folder?: string): Promise<string[]> {
  const migrations = readMigrations(folder);
  const migrator = migratorOf(dataSource, migrations);
  await migrator.initialize();
  try {
    // The lock and the migrations share one session: who loses the lock with its connection, loses its transaction too.
    const session = migrator.createQueryRunner();
    // Others may be migrating, and a migration of much data takes its time.
    bePatient((await session.connect()) as pg.PoolClient);
    await session.query('SET statement_timeout = 0; SET lock_timeout = 0');
    await session.query(`SELECT pg_advisory_lock(hashtextextended('concord migrations', 0))`);
    await session.query(BOOKKEEPING);

    const executor = new MigrationExecutor(migrator, session);
    executor.transaction = 'each';
    const applied = await executor.getExecutedMigrations();
    refuseUnknown(applied.map(({ name }) => name), migrations);
    await refuseChanged(session, migrations);
    const ran = await executor.executePendingMigrations();
    await session.query(SECURE_SEQUENCES);
    return ran.map(({ name }) => nameOf(name));
  } finally {
    await migrator.destroy(); // Ends the session, and the lock with it.
  }
}

const BOOKKEEPING = `
  CREATE SCHEMA IF NOT EXISTS concord;
  CREATE TABLE IF NOT EXISTS concord.migration_checksum (
    name       text PRIMARY KEY,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
  );
  -- Which database this is, and not a copy of it.
  CREATE TABLE IF NOT EXISTS concord.this_database (id oid PRIMARY KEY)`;

const { text: SECURE_SEQUENCES } = loadSql(import.meta.url, 'secure-sequences.sql');

function migratorOf({ options }: DataSource, migrations: readonly MigrationFile[]): DataSource {
  if (options.type !== 'postgres') {
    throw new TypeError(`Migrations need a DataSource of type postgres, and this one is ${options.type}.`);
  }
  return new DataSource({
    ...options,
    schema: 'concord',
    entities: [],
    subscribers: [],
    migrations: migrations.map(toTypeOrm),
    migrationsTableName: 'migration',
    migrationsRun: false,
    synchronize: false,
    dropSchema: false,
    logger: new Silence(),
    poolSize: 1,
  });
}

// TypeORM prints failures even where logging is off; whoever gets the error decides that.
class Silence extends AbstractLogger {
  protected override writeLog(): void {}
}

function toTypeOrm(migration: MigrationFile): new () => MigrationInterface {
  return class implements MigrationInterface {
    readonly name = typeOrmName(migration);

    async up(session: QueryRunner): Promise<void> {
      try {
        await session.query(migration.sql);
      } catch (error) {
        throw new MigrationFailed(migration.file, reasonOf(error, migration.sql), error);
      }
      await session.query('INSERT INTO concord.migration_checksum (name, sha256) VALUES ($1, $2)', [
        migration.name,
        migration.sha256,
      ]);
    }

    down(): Promise<void> {
      return Promise.reject(new Error(`Migration ${migration.file} has no way back: write a new one that undoes it.`));
    }
  };
}

// TypeORM orders by the 13 digits at the end of the name, which it takes for a timestamp.
const typeOrmName = ({ name, number }: MigrationFile): string => `${name}_${String(number).padStart(13, '0')}`;
const nameOf = (typeOrmName: string): string => typeOrmName.replace(/_\d{13}$/, '');

function refuseUnknown(applied: readonly string[], migrations: readonly MigrationFile[]): void {
  const known = new Set(migrations.map(typeOrmName));
  const unknown = applied.filter((name) => !known.has(name)).map(nameOf);
  if (unknown.length > 0) throw new DatabaseNewerThanCode(unknown.sort());
}

async function refuseChanged(session: QueryRunner, migrations: readonly MigrationFile[]): Promise<void> {
  const rows = (await session.query('SELECT name, sha256 FROM concord.migration_checksum')) as Record<'name' | 'sha256', string>[];
  const applied = new Map(rows.map((row) => [row.name, row.sha256]));
  const changed = migrations.find(({ name, sha256 }) => applied.has(name) && applied.get(name) !== sha256);
  if (changed) throw new MigrationChanged(changed.file);
}

function reasonOf(error: unknown, sql: string): string {
  const { position, code, message } = (error as { driverError?: { position?: string; code?: string; message?: string } })
    .driverError ?? { message: String(error) };
  const line = position ? ` at line ${sql.slice(0, Number(position)).split('\n').length}` : '';
  return `${message ?? 'unknown error'}${line}${code ? ` (SQLSTATE ${code})` : ''}`;
}
