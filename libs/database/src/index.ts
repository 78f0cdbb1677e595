// F1: connections, the ambient transaction, the embedded PostgreSQL, migrations, and what the server's errors mean.
export { buildOrClose } from './build-or-close.js';
export { Database, type Statement } from './database.js';
export { DatabaseModule } from './database.module.js';
export {
  CommitUnknown,
  DatabaseUnavailable,
  isUniqueViolation,
  OwnershipLost,
  TransactionNeeded,
  TransactionSettled,
  TransientConflict,
  translateDatabaseError,
} from './errors.js';
export { EmbeddedPostgresError, openEmbeddedPostgres, openPostgres, type PostgresLease } from './embedded/index.js';
export { loadSql } from './load-sql.js';
export {
  DatabaseNewerThanCode,
  MigrationChanged,
  MigrationFailed,
  type MigrationFile,
  MigrationFolderInvalid,
  MIGRATIONS_FOLDER,
  readMigrations,
  runMigrations,
} from './migrations/index.js';
export { type HintSource, Notifications } from './notifications.js';
export type { Transaction } from './transaction.js';
export { type DatabaseOptions, openDatabase, type OpenDatabase, type RowClass } from './open-database.js';
export { openScratch, type Scratch } from './scratch.js';
