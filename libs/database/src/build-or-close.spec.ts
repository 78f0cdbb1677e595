import { setTimeout as sleep } from 'node:timers/promises';
import { Module, type OnModuleInit } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import { buildOrClose } from './build-or-close.js';
import { Database } from './database.js';
import { DatabaseModule } from './database.module.js';

let testDatabase: TestDatabase;
beforeEach(async () => {
  testDatabase = await createTestDatabase();
});
afterEach(async () => {
  await testDatabase.drop();
});

const connections = (): Promise<number> =>
  withClient(testDatabase.url, async (client) => {
    const { rows } = await client.query<{ n: number }>(
      `select count(*)::integer as n from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`,
    );
    return rows[0]!.n;
  });

/** The server notices a moment later that a client has gone; an idle pool would keep its connections for 10 s. */
async function expectNobodyConnected(): Promise<void> {
  for (const deadline = Date.now() + 5_000; (await connections()) > 0 && Date.now() < deadline;) await sleep(20);
  expect(await connections()).toBe(0);
}

const build = (providers: object[]) => () => {
  @Module({ imports: [DatabaseModule.forRoot({ url: testDatabase.url })], providers: providers as never })
  class App {}
  return NestFactory.createApplicationContext(App, { logger: false, abortOnError: false });
};

class FailingHook implements OnModuleInit {
  constructor(private readonly database: Database) {}
  async onModuleInit(): Promise<void> {
    await this.database.query({ text: 'select 1' });
    throw new Error('no good');
  }
}
const fail = (): never => {
  throw new Error('no good');
};

it.each<[string, object]>([
  ['a provider that needs the database', { provide: 'x', useFactory: fail, inject: [Database] }],
  ['a provider that fails before the database is open', { provide: 'x', useFactory: fail }],
  ['a hook', { provide: 'x', useFactory: (database: Database) => new FailingHook(database), inject: [Database] }],
])('an app that does not start, for %s, leaves no connection open', async (_, provider) => {
  await expect(buildOrClose(build([provider]))).rejects.toThrow('no good');
  await expectNobodyConnected();
});

it('an app that starts is left alone, and its database may be closed twice', async () => {
  const app = await buildOrClose(build([]));
  expect(await app.get(Database).query({ text: 'select 1 as n' })).toEqual([{ n: 1 }]);
  await app.close();
  await app.close();
  await expectNobodyConnected();
});
