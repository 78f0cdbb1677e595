// What the chaos test finds left in a store: a check that could not fail would prove nothing.
import { openDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { PostgresLockService } from '@concord/locking';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase } from '@concord/testing';
import { oneStore } from './one-store.js';

it('finds locks of the lock service, and of transactions that are open', async () => {
  const { url, drop } = await createTestDatabase();
  const { database, close } = await openDatabase({ url });
  const [store, locks] = [new PostgresEventStore(database), new PostgresLockService(database)];
  const left = () => database.outside(() => oneStore.leftovers([database]));
  expect(await left()).toEqual([]);
  await runInTenant('tenant', async () => {
    const owner = locks.begin();
    await locks.acquire(owner, [{ stream: 'list-a', mode: 'X' }]);
    expect(await left()).toEqual([expect.stringContaining('a lock on list-a')]);
    await locks.release(owner);
    await store.transaction(async () => {
      await store.lockAndLoad(['list-b']);
      expect(await left()).toEqual(
        expect.arrayContaining([
          expect.stringContaining('an advisory lock of process'),
          expect.stringContaining('an open transaction of process'),
        ]),
      );
    });
  });
  expect(await left()).toEqual([]);
  await Promise.all([locks.close(), store.close()]);
  await close();
  await drop();
});
