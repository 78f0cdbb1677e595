// Jest runs this once, outside its own module system: hence .mts, which it leaves to Node, and the loader.
import './load-typescript.js';

export default async function globalSetup(): Promise<void> {
  // One suite is for that cluster; every other one works on what it has made itself.
  process.env['CONTRACT_EVENTSTORE_URL'] = process.env['EVENTSTORE_URL'] ?? '';
  delete process.env['EVENTSTORE_URL'];
  await (await import('./test-postgres.js')).openTestPostgres();
}
