// A fresh, migrated database for each test file: a copy of the template that the global setup made.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { TransientConflict, translateDatabaseError } from '@concord/database';

/** A database of one test file's own. */
export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

const PATIENCE_MS = 30_000;

/** `empty`: without any migration. */
/** Makes a fresh, migrated database on the test run's server; drop it when done. */
export async function createTestDatabase({ empty = false } = {}): Promise<TestDatabase> {
  const server = setting('CONCORD_TEST_URL');
  const template = empty ? 'template0' : setting('CONCORD_TEST_TEMPLATE');
  // The time is for the global setup, which removes what killed runs left behind.
  const name = `concord_test_${Date.now()}_${randomBytes(4).toString('hex')}`;
  await withClient(server, async (client) => {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      try {
        await client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
        return;
      } catch (error) {
        const templateIsBusy = translateDatabaseError(error) instanceof TransientConflict;
        if (!templateIsBusy || Date.now() > deadline) throw error;
        await sleep(20);
      }
    }
  });
  return {
    url: urlOf(server, name),
    drop: async () => {
      await withClient(server, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}

/** The address of another database on the same server. */
export function urlOf(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}

/** Runs `work` on a connection of its own. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function setting(name: string): string {
  const value = process.env[name];
  if (value) return value;
  throw new Error(
    `${name} is not set: add globalSetup and globalTeardown (test/global-setup.mts) to your Jest configuration.`,
  );
}
