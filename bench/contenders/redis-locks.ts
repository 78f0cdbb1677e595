// The lock service on Redis, and what one does without one: SET NX PX, and a script that deletes what is one's own.
import { openDatabase, type OpenDatabase } from '@concord/database';
import { RedisLockService } from '@concord/locking';
import { newId } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { Redis } from 'ioredis';
import { TENANT } from '../concord/tenant.js';
import { type Contender, present, type Settings } from '../contender.js';

const UNLOCK = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end`;
const LEASE_MS = 10_000;

export class RedisLocksContender implements Contender {
  private opened!: OpenDatabase;
  private locks!: RedisLockService;

  async open({ url, redisUrl }: Settings): Promise<void> {
    this.opened = await openDatabase({ url, poolSize: 2 });
    this.locks = new RedisLockService(this.opened.database, present(redisUrl, 'a Redis'), { leaseMs: LEASE_MS });
  }

  async close(): Promise<void> {
    await this.locks.close();
    await this.opened.close();
  }

  async lock(id: string): Promise<void> {
    const owner = this.locks.begin();
    const acquired = await runInTenant(TENANT, () =>
      this.locks.acquire(owner, [{ stream: `account-${id}`, mode: 'X' }]),
    );
    if (acquired.outcome === 'refused') throw acquired.error;
    await this.locks.release(owner);
  }

  show(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  vacuum(): Promise<void> {
    return Promise.resolve();
  }
}

type Unlock = (key: string, owner: string) => Promise<number>;

export class BareRedisContender implements Contender {
  private client!: Redis;

  async open({ redisUrl }: Settings): Promise<void> {
    this.client = new Redis(present(redisUrl, 'a Redis'));
    this.client.defineCommand('unlock', { numberOfKeys: 1, lua: UNLOCK });
    await this.client.ping();
  }

  async close(): Promise<void> {
    await this.client.quit();
  }

  async lock(id: string): Promise<void> {
    const [key, owner] = [`lock:account-${id}`, newId()];
    if ((await this.client.set(key, owner, 'PX', LEASE_MS, 'NX')) !== 'OK') throw new Error(`${key} is locked`);
    const unlock = (this.client as unknown as { unlock: Unlock }).unlock(key, owner);
    if ((await unlock) !== 1) throw new Error(`${key} was lost`);
  }

  show(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  vacuum(): Promise<void> {
    return Promise.resolve();
  }
}
