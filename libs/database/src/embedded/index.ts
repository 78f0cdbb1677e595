export { EmbeddedPostgresError } from './embedded-postgres-error.js';
export { openEmbeddedPostgres, openPostgres } from './open-postgres.js';
export type { OpenPostgresOptions, PostgresLease } from './open-postgres.js';
