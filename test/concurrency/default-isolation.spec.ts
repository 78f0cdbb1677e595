// A server, or a role, whose transactions keep one snapshot by default: our statements look anew all the same.
import { type OpenDatabase, openDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { type NewEvent, newId, type StreamName, streamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';

let testDatabase: TestDatabase;
let opened: readonly OpenDatabase[];
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  await withClient(testDatabase.url, async (client) => {
    const name = new URL(testDatabase.url).pathname.slice(1);
    await client.query(`alter database ${name} set default_transaction_isolation = 'repeatable read'`);
  });
  opened = [await openDatabase({ url: testDatabase.url }), await openDatabase({ url: testDatabase.url })];
});
afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()));
  await testDatabase.drop();
});

const event = (): NewEvent => ({ id: newId(), type: 'Happened', data: {} });
const one = (store: PostgresEventStore, stream: StreamName) =>
  store.append({ stream, expected: 'any', events: [event()] });

describe('a server whose default is repeatable read', () => {
  it('gives every connection of the pool read committed', async () => {
    const levels = await Promise.all(
      Array.from({ length: 12 }, () =>
        opened[0]!.database.query<{ level: string }>({
          text: `select pg_sleep(0.05), current_setting('transaction_isolation') as level`,
        }),
      ),
    );
    expect(new Set(levels.flat().map(({ level }) => level))).toEqual(new Set(['read committed']));
  });

  it('refuses an append that waited while its stream got a tombstone, and conflicts of nobody', async () => {
    const [here, elsewhere] = opened.map(({ database }) => new PostgresEventStore(database));
    await runInTenant(`t-${newId()}`, async () => {
      const stream = streamName('s', newId());
      for (let round = 0; round < 10; round += 1) {
        await Promise.all([1, 2, 3].flatMap(() => [one(here!, stream), one(elsewhere!, stream)]));
      }
      expect(await Array.fromAsync(here!.readStream(stream))).toHaveLength(60);
      let late!: Promise<unknown>;
      await opened[0]!.database.transaction(async () => {
        await here!.tombstoneStream(stream, 'any');
        late = one(elsewhere!, stream);
        late.catch(() => undefined);
        await untilSomebodyWaits();
      });
      await expect(late).rejects.toMatchObject({ code: 'stream-deleted' });
    });
  });
});

async function untilSomebodyWaits(): Promise<void> {
  await withClient(testDatabase.url, async (client) => {
    for (const deadline = Date.now() + 5000; Date.now() < deadline;) {
      const { rows } = await client.query(
        `select from pg_locks where locktype = 'advisory' and not granted
           and database = (select oid from pg_database where datname = current_database())`,
      );
      if (rows.length > 0) return;
    }
    throw new Error('nobody waits');
  });
}
