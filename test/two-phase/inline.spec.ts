// Inline projections of a store that takes part: their rows change with the commit, also where one fails at first.
import { InlineProjections } from '@concord/commanding';
import { type Database, type OpenDatabase, openDatabase } from '@concord/database';
import { PostgresParticipant, TransactionCoordinator } from '@concord/coordination';
import { PostgresEventStore, type RecordedEvent } from '@concord/event-store';
import { PostgresLockService } from '@concord/locking';
import { until } from '../contract/locking/kit.js';
import { inTenant, openStore, type TestStores, twoDatabases } from './kit.js';
import { Purse } from './purse.js';

const ROWS = { text: 'select stream from shown order by stream' };

/** A row for each event, in the transaction that appends it. */
class Shown extends InlineProjections {
  override readonly isActive = true;
  failures = 0;

  constructor(private readonly database: Database) {
    super();
  }

  override prepare(): Promise<void> {
    return Promise.resolve();
  }

  override async project(events: readonly RecordedEvent[]): Promise<void> {
    for (const { stream } of events) await this.database.query({ text: 'insert into shown values ($1)' }, [stream]);
    if (this.failures === 0) return;
    this.failures -= 1;
    throw new Error('a projection that fails');
  }

  override follow(): Promise<void> {
    return Promise.resolve();
  }
}

let stores: TestStores;
let opened: OpenDatabase;
let locks: PostgresLockService;
let b: Awaited<ReturnType<typeof openStore>>;
let shown: Shown;
let coordinator: TransactionCoordinator;

beforeAll(async () => {
  stores = await twoDatabases();
  opened = await openDatabase({ url: stores.urls[0] });
  const { database } = opened;
  await database.query({ text: 'create table shown (stream text)' });
  [shown, locks] = [new Shown(database), new PostgresLockService(database)];
  const a = new PostgresParticipant({
    name: 'a',
    database,
    store: new PostgresEventStore(database),
    locks,
    inline: shown,
  });
  b = await openStore('b', stores.urls[1]);
  coordinator = new TransactionCoordinator({ database, participants: [a, b.participant], everyMs: 50 });
});
afterAll(async () => {
  await coordinator.stop();
  await locks.close();
  await Promise.all([opened.close(), b.close()]);
  await stores.drop();
});

const change = (id: string, ...names: string[]) =>
  inTenant(() =>
    coordinator.transaction(async (transaction) => {
      for (const name of names) (await transaction.store(name).load(Purse, id)).move(1n);
    }),
  );
const rows = async (): Promise<string[]> =>
  (await opened.database.query<{ stream: string }>(ROWS)).map(({ stream }) => stream);

it('its rows are there with the commit, of one store and of two', async () => {
  expect(await change('1', 'a')).toMatchObject({ outcome: 'committed', waiting: [] });
  expect(await rows()).toEqual(['purse-1']);
  expect(await change('2', 'a', 'b')).toMatchObject({ outcome: 'committed', waiting: [] });
  expect(await rows()).toEqual(['purse-1', 'purse-2']);
});

it('one that fails keeps the commit waiting, and its rows come with it, once', async () => {
  shown.failures = 1;
  expect(await change('3', 'a', 'b')).toMatchObject({ outcome: 'committed', waiting: ['a'] });
  expect(await rows()).not.toContain('purse-3');
  await coordinator.start();
  await until('it is told again', async () => (await coordinator.transactions()).length === 0);
  expect((await rows()).filter((stream) => stream === 'purse-3')).toHaveLength(1);
});
