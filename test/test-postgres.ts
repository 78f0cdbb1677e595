// One PostgreSQL for all processes of a test run, and the migrated template their databases are copied from.
import { fileURLToPath } from 'node:url';
import { openEmbeddedPostgres, type PostgresLease } from '@concord/database';
import { ensureTemplate } from '@concord/testing';

let lease: PostgresLease | undefined;

export async function openTestPostgres(): Promise<void> {
  let url = process.env['TEST_DATABASE_URL'];
  if (!url) {
    const dataFolder = fileURLToPath(new URL('../.concord-test', import.meta.url));
    const onProgress = (line: string): boolean => process.stderr.write(`${line}\n`);
    lease = await openEmbeddedPostgres({ dataFolder, onProgress });
    url = lease.url;
  }
  process.env['CONCORD_TEST_TEMPLATE'] = await ensureTemplate(url);
  process.env['CONCORD_TEST_URL'] = url;
}

export async function closeTestPostgres(): Promise<void> {
  await lease?.release();
}
