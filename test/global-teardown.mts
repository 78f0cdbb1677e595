import './load-typescript.js';

export default async function globalTeardown(): Promise<void> {
  await (await import('./test-postgres.js')).closeTestPostgres();
}
