export { MIGRATIONS_FOLDER, type MigrationFile, readMigrations } from './migration-files.js';
export { DatabaseNewerThanCode, MigrationChanged, MigrationFailed, MigrationFolderInvalid } from './migration-errors.js';
export { runMigrations } from './run-migrations.js';
