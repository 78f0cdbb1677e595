// Once per test run: one PostgreSQL for all workers, and the migrated template their databases are copied from.
import './load-typescript.js';
import { fileURLToPath } from 'node:url';
import type { PostgresLease } from '../libs/database/src/embedded/index.js';

declare global {
  var concordTestPostgres: PostgresLease | undefined;
}

export default async function globalSetup(): Promise<void> {
  const { openEmbeddedPostgres } = await import('../libs/database/src/embedded/open-postgres.js');
  const { ensureTemplate } = await import('../libs/testing/src/test-template.js');
  let url = process.env['TEST_DATABASE_URL'];
  if (!url) {
    const dataFolder = fileURLToPath(new URL('../.concord-test', import.meta.url));
    globalThis.concordTestPostgres = await openEmbeddedPostgres({ dataFolder, onProgress: console.error });
    url = globalThis.concordTestPostgres.url;
  }
  process.env['CONCORD_TEST_TEMPLATE'] = await ensureTemplate(url);
  process.env['CONCORD_TEST_URL'] = url;
}
