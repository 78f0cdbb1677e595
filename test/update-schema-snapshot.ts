// After a new migration: lists it in migrations/frozen.sha256 and writes migrations/schema.snapshot.txt anew.
// node --import ./test/load-typescript.js test/update-schema-snapshot.ts
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freeze } from '../libs/database/src/migrations/frozen.js';
import { schemaSnapshot, SNAPSHOT_FILE } from '../libs/database/src/migrations/schema-snapshot.js';
import { MIGRATIONS_FOLDER } from '@concord/database';
import { createTestDatabase, withClient } from '@concord/testing';
import { closeTestPostgres, openTestPostgres } from './test-postgres.js';

await openTestPostgres();
try {
  const database = await createTestDatabase();
  const snapshot = await withClient(database.url, schemaSnapshot);
  await database.drop();
  const frozen = freeze();
  writeFileSync(join(MIGRATIONS_FOLDER, SNAPSHOT_FILE), snapshot);
  process.stdout.write(`frozen: ${frozen.join(', ') || 'nothing new'}; wrote ${SNAPSHOT_FILE}\n`);
} finally {
  await closeTestPostgres();
}
