// Commands of two apps whose locks are kept on Redis, as CONCORD_LOCKS=redis has it: nothing is lost between them.
import { Module } from '@nestjs/common';
import { CommandBus, CommandHandler } from '@nestjs/cqrs';
import { Test, type TestingModule } from '@nestjs/testing';
import { Aggregates, CommandingModule, DomainCommand, type Handles } from '@concord/commanding';
import { Database, type OpenDatabase, openDatabase } from '@concord/database';
import { EventStore, PostgresEventStore } from '@concord/event-store';
import { LockingModule, LockService, RedisLockService } from '@concord/locking';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { openRedis, withRedis } from '../fixtures/redis-server.js';
import { Purse } from '../two-phase/purse.js';

const TENANT = 'pursers';
const COMMANDS = 40;

class Fill extends DomainCommand<{ readonly purse: string; readonly meanwhile?: () => Promise<void> }> {}

@CommandHandler(Fill)
class FillHandler implements Handles<Fill> {
  constructor(private readonly aggregates: Aggregates) {}

  async execute({ order: { purse, meanwhile } }: Fill): Promise<void> {
    const found = await this.aggregates.load(Purse, purse);
    await meanwhile?.();
    found.move(1n);
  }
}

@Module({})
class StoreModule {}

interface App {
  readonly app: TestingModule;
  readonly opened: OpenDatabase;
}

async function start(url: string): Promise<App> {
  const opened = await openDatabase({ url, poolSize: 10 });
  const { database } = opened;
  const providers = [
    { provide: Database, useValue: database },
    { provide: EventStore, useValue: new PostgresEventStore(database) },
  ];
  const built = Test.createTestingModule({
    imports: [
      { module: StoreModule, global: true, providers, exports: [Database, EventStore] },
      LockingModule.forRoot(),
      CommandingModule.forRoot({ mailboxes: false }),
      CommandingModule.forContext([Fill]),
    ],
    providers: [FillHandler],
  });
  return { app: await (await built.compile()).init(), opened };
}

const send = ({ app }: App, order: Fill['order']) =>
  runInTenant(TENANT, () => app.get(CommandBus).execute(new Fill(order)));

withRedis('commands under locks on Redis (set REDIS_URL, or install redis-server, to run it)', () => {
  const before = { locks: process.env['CONCORD_LOCKS'], url: process.env['REDIS_URL'] };
  let redis: Awaited<ReturnType<typeof openRedis>>;
  let created: TestDatabase;
  let one: App;
  let other: App;

  beforeAll(async () => {
    [redis, created] = [await openRedis(), await createTestDatabase()];
    Object.assign(process.env, { CONCORD_LOCKS: 'redis', REDIS_URL: redis.url });
    [one, other] = [await start(created.url), await start(created.url)];
  });
  afterAll(async () => {
    for (const { app, opened } of [one, other]) {
      await app.close();
      await opened.close();
    }
    for (const [name, value] of [
      ['CONCORD_LOCKS', before.locks],
      ['REDIS_URL', before.url],
    ] as const) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
    await created.drop();
    await redis.close();
  });

  it('are those of the lock service on Redis', () => {
    expect(one.app.get(LockService)).toBeInstanceOf(RedisLockService);
  });

  it('of two apps on one aggregate: nothing is lost', async () => {
    const sent = Array.from({ length: COMMANDS }, (_, n) => send(n % 2 === 0 ? one : other, { purse: 'shared' }));
    await Promise.all(sent);
    const events = await runInTenant(TENANT, () =>
      Array.fromAsync(one.app.get<EventStore>(EventStore).readStream('purse-shared')),
    );
    expect(events.map(({ streamPosition }) => streamPosition)).toEqual(
      Array.from({ length: COMMANDS }, (_, n) => BigInt(n)),
    );
  });

  it('a lock that a command of one app holds is seen by the other, and gone after it', async () => {
    const seen = async () => (await other.app.get(LockService).locks()).filter(({ stream }) => stream === 'purse-seen');
    let during: Awaited<ReturnType<typeof seen>> = [];
    await send(one, {
      purse: 'seen',
      meanwhile: async () => {
        during = await seen();
      },
    });
    expect(during).toMatchObject([{ stream: 'purse-seen', mode: 'X' }]);
    // The other is granted it, which it would not be for as long as it is held.
    await send(other, { purse: 'seen' });
  });
});
