// Leaves the test run's PostgreSQL, which stops when its last user has left.

export default async function globalTeardown(): Promise<void> {
  await globalThis.concordTestPostgres?.release();
}
