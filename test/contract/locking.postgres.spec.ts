import { isDeepStrictEqual } from 'node:util';
import { openDatabase } from '@concord/database';
import { PostgresLockService } from '@concord/locking';
import { createTestDatabase } from '@concord/testing';
import { lockingContract } from './locking.contract.js';
import { ask, hold, type LockStores, newStream, refusal, until } from './locking/kit.js';

const onPostgres: LockStores = {
  open: async ({ leaseMs = 10_000, poolSize = 20 } = {}) => {
    const created = await createTestDatabase();
    const { url } = created;
    const [one, other] = [await openDatabase({ url, poolSize }), await openDatabase({ url, poolSize })];
    const a = new PostgresLockService(one.database, { leaseMs, label: 'service a' });
    const b = new PostgresLockService(other.database, { leaseMs, label: 'service b' });
    const close = async (): Promise<void> => {
      await Promise.all([a.close(), b.close()]);
      await Promise.all([one.close(), other.close()]);
      await created.drop();
    };
    return { url, a, b, databases: { a: one.database, b: other.database }, close };
  },
};

describe('locks on PostgreSQL', () => {
  lockingContract(onPostgres);

  it("what a dead session has left behind is in nobody's way", async () => {
    const two = await onPostgres.open({ leaseMs: 3_600_000 });
    const stream = newStream();
    await hold(two.a, stream);
    // As when it was just committing while it was reaped.
    await two.databases.b.query({ text: 'delete from concord.lock_sessions' });
    expect(await refusal(ask(two.b, stream))).toBe('granted');
    await two.close();
  });

  it('a lease that has ended is not prolonged, though nobody has noticed', async () => {
    const two = await onPostgres.open({ leaseMs: 1000 });
    const owner = await hold(two.a, newStream());
    await two.databases.b.query({ text: `update concord.lock_sessions set expires_at = now() - interval '1 ms'` });
    // Long before the process's own clock would tell.
    await until('its loss', () => owner.signal.aborted);
    expect(owner.signal.reason).toMatchObject({
      code: 'lease-lost',
      message: expect.stringContaining('its lease has ended'),
    });
    await two.close();
  });

  it('acquire and release leave no row behind, and change no index', async () => {
    const two = await onPostgres.open();
    const streams = Array.from({ length: 10 }, newStream);
    const round = async (): Promise<void> => {
      const owner = await hold(two.a, streams);
      await two.a.release(owner);
    };
    await round();
    const size = async (): Promise<unknown> => {
      const text = `select pg_relation_size('concord.lock_buckets')::integer as rows,
        pg_relation_size('concord.lock_buckets_pkey')::integer as index, count(*)::integer as count from concord.lock_buckets`;
      return (await two.databases.b.query({ text }))[0];
    };
    // As long as any transaction of the server is open that was open before, nothing that is dead can be cleared away.
    await until('rounds that leave its size as it was', async () => {
      const before = await size();
      for (let n = 0; n < 100; n += 1) await round();
      return isDeepStrictEqual(await size(), before);
    });
    await two.close();
  });
});
