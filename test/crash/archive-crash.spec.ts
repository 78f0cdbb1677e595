// kill -9 of a process that archives, after each of its steps: every event is there once, and the next run finishes the work.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OpenDatabase, openDatabase } from '@concord/database';
import { type ArchiveStep, PostgresEventStore } from '@concord/event-store';
import { newId, type RecordedEvent, type StreamName, streamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import { ended, startProcess } from '../fixtures/process-under-test.js';

let testDatabase: TestDatabase;
let opened: OpenDatabase;
let store: PostgresEventStore;
let folder: string;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  opened = await openDatabase({ url: testDatabase.url });
  folder = await mkdtemp(join(tmpdir(), 'concord-archive-'));
  store = new PostgresEventStore(opened.database, { archiveFolder: folder });
});
afterAll(async () => {
  await opened.close();
  await testDatabase.drop();
  await rm(folder, { recursive: true });
});

const read = (stream: StreamName): Promise<RecordedEvent[]> => Array.fromAsync(store.readStream(stream));

async function inTable(tenant: string): Promise<number> {
  return withClient(testDatabase.url, async (client) => {
    const { rows } = await client.query<{ count: string }>('select count(*) from concord.events where tenant_id = $1', [
      tenant,
    ]);
    return Number(rows[0]?.count);
  });
}

describe('archiving', () => {
  it.each<ArchiveStep>(['written', 'named', 'recorded', 'deleted', 'committed'])(
    'survives kill -9 after "%s"',
    async (step) => {
      const tenant = `t-${newId()}`;
      await runInTenant(tenant, async () => {
        const streams = [1, 2, 3].map(() => streamName('thing', newId()));
        for (let n = 0; n < 10; n += 1) {
          for (const stream of streams) {
            await store.append({ stream, expected: 'any', events: [{ id: newId(), type: 'N', data: { n, x: 1e21 } }] });
          }
        }
        const before = { feed: await store.readFeed(), streams: await Promise.all(streams.map(read)) };
        const upTo = before.feed.events[26]!.globalPosition.toString();
        const { process } = await startProcess('archiving-process.ts', testDatabase.url, folder, tenant, step, upTo);
        await ended(process);
        expect(process.signalCode).toBe('SIGKILL');
        const after = { feed: await store.readFeed(), streams: await Promise.all(streams.map(read)) };
        expect(after).toEqual(before);
        expect(await inTable(tenant)).toBe(step === 'committed' ? 16 : 23);

        const { events } = await store.archive({ upTo: BigInt(upTo), eventsPerFile: 7 });
        expect(events).toBe(step === 'committed' ? 13 : 20);
        expect(await inTable(tenant)).toBe(3);
        const done = { feed: await store.readFeed(), streams: await Promise.all(streams.map(read)) };
        expect(done).toEqual(before);
        expect((await readdir(join(folder, tenant))).filter((file) => file.endsWith('.z'))).not.toHaveLength(0);
      });
    },
  );
});
