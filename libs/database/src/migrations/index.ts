export { DatabaseNewerThanCode, MigrationChanged, MigrationFailed, MigrationFolderInvalid } from './migration-errors.js';
export { runMigrations } from './run-migrations.js';
