// Locks that were prepared before a crash of the server, whose outcome is told at the moment at which somebody asks for them for
// the first time since: on two connections, in both orders.
import { openDatabase, type OpenDatabase } from '@concord/database';
import type { StreamName } from '@concord/kernel';
import { PostgresLockService } from '@concord/locking';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { setTimeout as sleep } from 'node:timers/promises';

const TENANT = 'prepared';
// What a crash empties: the unlogged tables.
const CRASH =
  'truncate concord.lock_buckets, concord.lock_waiters, concord.lock_sessions, concord.lock_wounds, concord.lock_life';

let created: TestDatabase;
let opened: readonly [OpenDatabase, OpenDatabase];
beforeAll(async () => {
  created = await createTestDatabase();
  opened = [
    await openDatabase({ url: created.url, poolSize: 4 }),
    await openDatabase({ url: created.url, poolSize: 4 }),
  ];
});
afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()));
  await created.drop();
});

/** A lock that is prepared; its process, and all unlogged tables, are gone. */
async function preparedBeforeACrash(stream: StreamName): Promise<string> {
  const { database } = opened[0];
  const locks = new PostgresLockService(database);
  const owner = locks.begin();
  await locks.acquire(owner, [{ stream, mode: 'X' }]);
  await database.transaction(() => locks.prepare(owner));
  await locks.close();
  await database.query({ text: CRASH });
  return owner.id;
}

it('are free once they are released, also for who asked while they were being released', () =>
  runInTenant(TENANT, async () => {
    const stream = 'list-asked';
    const owner = await preparedBeforeACrash(stream);
    const [{ database }, other] = opened;
    const [telling, asking] = [new PostgresLockService(database), new PostgresLockService(other.database)];
    const late = asking.begin();
    let asked: ReturnType<typeof asking.acquire> | undefined;
    await database.transaction(async () => {
      await telling.releasePrepared(owner);
      asked = asking.acquire(late, [{ stream, mode: 'X' }], { waitMs: 3_000 });
      // It has asked, or waits for this transaction to end before it can.
      await sleep(300);
    });
    expect(await asked).toMatchObject({ outcome: 'granted' });
    await asking.release(late);
    expect(await telling.locks()).toEqual([]);
    await Promise.all([telling.close(), asking.close()]);
  }));

it('are held until they are released, for who asked before', () =>
  runInTenant(TENANT, async () => {
    const stream = 'list-before';
    const owner = await preparedBeforeACrash(stream);
    const [{ database }, other] = opened;
    const [telling, asking] = [new PostgresLockService(database), new PostgresLockService(other.database)];
    const early = asking.begin();
    const refused = await asking.acquire(early, [{ stream, mode: 'S' }], { waitMs: 200 });
    expect(refused).toMatchObject({ outcome: 'refused', error: { code: 'lock-wait-timeout' } });
    const asked = asking.acquire(early, [{ stream, mode: 'S' }], { waitMs: 3_000 });
    await database.transaction(() => telling.releasePrepared(owner));
    expect(await asked).toMatchObject({ outcome: 'granted' });
    await asking.release(early);
    expect(await telling.locks()).toEqual([]);
    await Promise.all([telling.close(), asking.close()]);
  }));
