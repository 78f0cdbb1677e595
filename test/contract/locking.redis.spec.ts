// The lock service on Redis keeps the contract of the one on PostgreSQL.
import { openDatabase } from '@concord/database';
import { RedisLockService } from '@concord/locking';
import { createTestDatabase } from '@concord/testing';
import { openRedis, withRedis } from '../fixtures/redis-server.js';
import { lockingContract } from './locking.contract.js';
import type { LockStores } from './locking/kit.js';

withRedis('locks on Redis (set REDIS_URL, or install redis-server, to run it)', () => {
  let redis: Awaited<ReturnType<typeof openRedis>>;
  beforeAll(async () => (redis = await openRedis()));
  afterAll(() => redis.close());

  const onRedis: LockStores = {
    open: async ({ leaseMs = 10_000, poolSize = 20 } = {}) => {
      const created = await createTestDatabase();
      const [one, other] = [
        await openDatabase({ url: created.url, poolSize }),
        await openDatabase({ url: created.url, poolSize }),
      ];
      const a = new RedisLockService(one.database, redis.url, { leaseMs, label: 'service a' });
      const b = new RedisLockService(other.database, redis.url, { leaseMs, label: 'service b' });
      const close = async (): Promise<void> => {
        await Promise.all([a.close(), b.close()]);
        await Promise.all([one.close(), other.close()]);
        await created.drop();
      };
      const databases = { a: one.database, b: other.database };
      return { url: created.url, redisUrl: redis.url, a, b, databases, close };
    },
  };

  lockingContract(onRedis);
});
