// A command that waits for a lock within its transaction while the store cannot be asked whether it was applied before: it is told
// who had the lock, and not what the pipeline calls that among itself.
import { CommandingOptions, CommandPipeline } from '@concord/commanding';
import { DatabaseUnavailable, type OpenDatabase, openDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { newId } from '@concord/kernel';
import { PostgresLockService } from '@concord/locking';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { add, inTenant, streamOf } from '../fixtures/two-pipelines.js';

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

it(
  'is told as a wait for a lock that was too long',
  inTenant(async () => {
    const { database } = opened;
    const store = new PostgresEventStore(database);
    const locks = new PostgresLockService(database);
    const pipeline = new CommandPipeline(store, undefined, locks, new CommandingOptions({ mailboxes: false }));
    // A handler that uses the database runs in a transaction from the beginning.
    const during = () => database.query({ text: 'select 1' });
    const id = newId();
    await add(pipeline, id, 1, { during });
    const other = locks.begin();
    await locks.acquire(other, [{ stream: streamOf(id), mode: 'X' }]);
    store.findEvents = () => Promise.reject(new DatabaseUnavailable('it is away'));
    const waiting = add(pipeline, id, 1, { during, commandId: newId() });
    await expect(waiting).rejects.toMatchObject({ code: 'lock-wait-timeout' });
    await locks.release(other);
    await Promise.all([locks.close(), store.close()]);
  }),
);
