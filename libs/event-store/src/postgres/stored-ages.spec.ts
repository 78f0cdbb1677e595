// Metadata that were stored before the store knew a limit: an age that leads beyond PostgreSQL's calendar.
import { openDatabase, type OpenDatabase } from '@concord/database';
import { newId, type StreamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { PostgresEventStore } from './postgres-event-store.js';

let testDatabase: TestDatabase;
let opened: OpenDatabase;
let store: PostgresEventStore;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  opened = await openDatabase({ url: testDatabase.url });
  store = new PostgresEventStore(opened.database);
});
afterAll(async () => {
  await opened.close();
  await testDatabase.drop();
});

it('an age beyond the calendar hides nothing, from readers, loads and links, and does not stop scavenging', () =>
  runInTenant(`t-${newId()}`, async () => {
    const [aged, counted]: StreamName[] = ['s-aged', 's-counted'];
    const events = () => [1, 2, 3].map((n) => ({ id: newId(), type: 'Happened', data: { n } }));
    for (const stream of [aged!, counted!]) await store.append({ stream, expected: 'any', events: events() });
    await store.writeStreamMetadata(aged!, { maxAge: 60 });
    await opened.database.query({
      text: `update concord.stream_settings set max_age = interval '1000000000000 seconds' where max_age is not null`,
    });
    await store.writeStreamMetadata(counted!, { maxCount: 1 });
    expect(await Array.fromAsync(store.readStream(aged!))).toHaveLength(3);
    const loaded = await store.transaction(() => store.lockAndLoad([aged!]));
    expect(loaded.get(aged!)!.events).toHaveLength(3);
    expect(await store.scavenge()).toBe(2);
    await store.deleteStream(aged!, 2n);
    expect(await Array.fromAsync(store.readStream(aged!))).toEqual([]);
  }));
