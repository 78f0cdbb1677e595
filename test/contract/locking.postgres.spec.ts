import { openDatabase } from '@concord/database';
import { PostgresLockService } from '@concord/locking';
import { createTestDatabase } from '@concord/testing';
import { lockingContract } from './locking.contract.js';

describe('locks on PostgreSQL', () =>
  lockingContract({
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
  }));
