// Jest runs this once, outside its own module system: hence .mts, which it leaves to Node, and the loader.
import './load-typescript.js';

export default async function globalSetup(): Promise<void> {
  await (await import('./test-postgres.js')).openTestPostgres();
}
