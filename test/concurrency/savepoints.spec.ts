// A savepoint takes back an append, and with it what the transaction knew of the stream's end.
import { openDatabase, type OpenDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { newId, type StreamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';

let created: TestDatabase;
let opened: OpenDatabase;

beforeAll(async () => {
  created = await createTestDatabase();
  opened = await openDatabase({ url: created.url });
});

afterAll(async () => {
  await opened.close();
  await created.drop();
});

const stream: StreamName = 'account-1';
const event = () => ({ id: newId(), type: 'Happened', data: {} });

type Run = (text: string) => Promise<unknown>;
const byQuery: Run = (text) => opened.database.query({ text });
const byManager: Run = async (text) => opened.database.current?.manager.query(text);

function withinSavepoint(
  store: PostgresEventStore,
  undone: () => Promise<void>,
  after: () => Promise<void>,
  run: Run = byQuery,
) {
  return runInTenant(`t-${newId()}`, async () => {
    await store.append({ stream, expected: 'no-stream', events: [event()] });
    await store.transaction(async () => {
      await run('savepoint s');
      await undone();
      await run('ROLLBACK TO SAVEPOINT s');
      await after();
    });
    const positions = [];
    for await (const recorded of store.readStream(stream)) positions.push(recorded.streamPosition);
    return positions;
  });
}

describe('an append that a savepoint took back', () => {
  it('leaves no gap to those who expect it', async () => {
    const store = new PostgresEventStore(opened.database);
    const undone = async () => {
      await store.lockAndLoad([stream]);
      await store.append({ stream, expected: 0n, events: [event()] });
      await store.lockAndLoad([stream]);
    };
    const expectIt = async () => {
      await store.append({ stream, expected: 1n, events: [event()] });
    };
    await expect(withinSavepoint(store, undone, expectIt)).rejects.toMatchObject({
      code: 'wrong-expected-version',
    });
  });

  it('can be made again', async () => {
    const store = new PostgresEventStore(opened.database);
    const append = async () => {
      await store.lockAndLoad([stream]);
      await store.append({ stream, expected: 0n, events: [event()] });
    };
    await expect(withinSavepoint(store, append, append)).resolves.toEqual([0n, 1n]);
  });

  it('leaves a lost lock to the expected version', async () => {
    const store = new PostgresEventStore(opened.database);
    const load = async () => {
      await store.lockAndLoad([stream]);
    };
    const afterAnother = async () => {
      const other = await openDatabase({ url: created.url, poolSize: 1 });
      // The lock went with the savepoint: another may append now.
      await new PostgresEventStore(other.database).append({ stream, expected: 0n, events: [event()] });
      await other.close();
      await store.append({ stream, expected: 0n, events: [event()] });
    };
    await expect(withinSavepoint(store, load, afterAnother)).rejects.toMatchObject({ code: 'transient-conflict' });
  });

  it.each([
    ['awaited', byQuery],
    ['sent with the commit', byQuery],
    ['awaited, by way of TypeORM', byManager],
  ])('sees a tombstone that was set meanwhile, %s', async (how, run) => {
    const store = new PostgresEventStore(opened.database);
    let late: Promise<unknown> = Promise.resolve();
    const afterTombstone = async () => {
      const other = await openDatabase({ url: created.url, poolSize: 1 });
      await new PostgresEventStore(other.database).tombstoneStream(stream, 0n);
      await other.close();
      late = store.append({ stream, expected: 0n, events: [event()] });
      late.catch(() => undefined);
      if (how.startsWith('awaited')) await late;
    };
    const load = async () => {
      await store.lockAndLoad([stream]);
    };
    await expect(withinSavepoint(store, load, afterTombstone, run)).rejects.toMatchObject({ code: 'stream-deleted' });
    await expect(late).rejects.toMatchObject({ code: 'stream-deleted' });
  });
});
