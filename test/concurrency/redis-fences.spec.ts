// What the database refuses when Redis has given a lock that is somebody else's, and what Redis does before it takes one.
import { type Database, openDatabase, type OpenDatabase, OwnershipLost } from '@concord/database';
import { RedisLockService } from '@concord/locking';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { Redis } from 'ioredis';
import { ask, hold, newStream, refusal, TENANT, tokenOf, until, waiting } from '../contract/locking/kit.js';
import { openRedis, withRedis } from '../fixtures/redis-server.js';

withRedis('fences of locks on Redis (set REDIS_URL, or install redis-server, to run it)', () => {
  let redis: Awaited<ReturnType<typeof openRedis>>;
  let client: Redis;
  let created: TestDatabase;
  let opened: OpenDatabase;
  let database: Database;
  let a: RedisLockService;
  let b: RedisLockService;
  beforeAll(async () => {
    redis = await openRedis();
    client = new Redis(redis.url);
    created = await createTestDatabase();
    opened = await openDatabase({ url: created.url });
    database = opened.database;
    a = new RedisLockService(database, redis.url, { leaseMs: 3_600_000, label: 'service a' });
    b = new RedisLockService(database, redis.url, { leaseMs: 3_600_000, label: 'service b' });
  });
  afterAll(async () => {
    await Promise.all([a.close(), b.close()]);
    await opened.close();
    await created.drop();
    client.disconnect();
    await redis.close();
  });

  /** As after a failover to a server that had not heard of it, had nobody noticed. */
  async function forget(stream: string): Promise<void> {
    const [{ life }] = (await database.query({ text: 'select life::text from concord.redis_lock_life' })) as [
      { life: string },
    ];
    for (const key of await client.keys(`*:${life}:locks`)) await client.hdel(key, `${TENANT} ${stream}`);
  }
  const fence = (service: RedisLockService, ...[owner]: Parameters<RedisLockService['fence']>): Promise<void> =>
    database.transaction(() => service.fence(owner));

  it('what Redis has given twice commits once, whoever comes first', async () => {
    const stream = newStream();
    const first = await hold(a, stream);
    await forget(stream);
    const second = await hold(b, stream);
    await fence(b, second);
    await expect(fence(a, first)).rejects.toThrow(OwnershipLost);
  });

  it('of two that commit at the same moment with what was given twice, one is refused', async () => {
    const stream = newStream();
    const first = await hold(a, stream);
    await forget(stream);
    const second = await hold(b, stream);
    let late!: Promise<void>;
    await database.transaction(async () => {
      await b.fence(second);
      late = database.outside(() => fence(a, first));
      late.catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 100));
    });
    await expect(late).rejects.toThrow(OwnershipLost);
  });

  it('nobody commits past a prepared lock, though Redis has forgotten it', async () => {
    const stream = newStream();
    const owner = await hold(a, stream);
    await database.transaction(() => a.prepare(owner));
    await a.release(owner);
    await forget(stream);
    for (const mode of ['X', 'S'] as const) {
      const other = await hold(b, stream, mode);
      await expect(fence(b, other)).rejects.toThrow(OwnershipLost);
      await b.release(other);
    }
    await database.transaction(() => a.releasePrepared(owner.id));
    await fence(b, await hold(b, stream));
  });

  it('a prepared lock that was released by somebody who could not tell Redis is found free', async () => {
    const stream = newStream();
    const owner = await hold(a, stream);
    await database.transaction(() => a.prepare(owner));
    await a.release(owner);
    await database.query({ text: 'select concord.release_prepared($1)' }, [owner.id]);
    const next = ask(b, stream);
    expect(await refusal(next)).toBe('granted');
    await b.release(next.owner);
  });

  it('what was prepared by somebody who could not tell Redis is not taken', async () => {
    const stream = newStream();
    const older = b.begin();
    const owner = await hold(a, stream);
    const [{ life }] = (await database.query({ text: 'select life from concord.redis_lock_life' })) as [
      { life: bigint },
    ];
    const token = await tokenOf(ask(a, stream, 'X', { owner }));
    expect(token >> 36n).toBe(life);
    await database.query({ text: 'select concord.prepare_lock_tokens($1, $1, $2, $3, $4, $5, $6, $7, false)' }, [
      ...[owner.id, owner.started, owner.origin],
      ...[[TENANT], [stream], ['X'], [token]],
    ]);
    const waits = ask(b, stream, 'X', { owner: older, waitMs: 700 });
    expect(await waits.outcome).toMatchObject({ error: { holders: [{ owner: owner.id, prepared: true }] } });
    expect(owner.signal.aborted).toBe(false);
    await database.transaction(() => a.releasePrepared(owner.id));
  });

  it("a dead process's commit that is under way is waited for, and its next one is refused", async () => {
    const stream = newStream();
    const dead = new RedisLockService(database, redis.url, { leaseMs: 3_600_000 });
    const owner = await hold(dead, stream);
    let next!: ReturnType<typeof ask>;
    await database.transaction(async () => {
      await dead.fence(owner);
      await endSessionOf(owner.id, stream);
      next = ask(b, stream);
      await waiting(b, stream, 1);
      await new Promise((resolve) => setTimeout(resolve, 700));
      expect(next.isOver).toBe(false);
    });
    expect(await refusal(next)).toBe('granted');
    await expect(fence(dead, owner)).rejects.toThrow(OwnershipLost);
    await b.release(next.owner);
    await dead.close();
  });

  it('readers keep their locks when one that may write takes over from another', async () => {
    const stream = newStream();
    const older = b.begin();
    const reader = await hold(a, stream, 'S');
    const younger = await hold(a, stream, 'U');
    const upgrade = ask(b, stream, 'U', { owner: older });
    expect(await refusal(upgrade)).toBe('granted');
    await until('the wound', () => younger.signal.aborted);
    await expect(fence(a, younger)).rejects.toThrow(OwnershipLost);
    await fence(a, reader);
    await fence(b, older);
    await Promise.all([a.release(reader), a.release(younger), b.release(older)]);
  });

  it('leaves nothing behind of what was released', async () => {
    const streams = Array.from({ length: 20 }, newStream);
    const owner = await hold(a, streams);
    const waits = ask(b, streams[0]!);
    await waiting(b, streams[0]!, 1);
    await a.release(owner);
    await waits.outcome;
    await b.release(waits.owner);
    const keys = await client.keys('concord:*');
    expect(keys.filter((key) => key.includes('queue:') && streams.some((stream) => key.endsWith(stream)))).toEqual([]);
    expect((await a.locks()).filter(({ stream }) => streams.includes(stream))).toEqual([]);
  });

  it('when the tokens of a life are used up, another one begins', async () => {
    const stream = newStream();
    const last = await tokenOf(ask(a, stream));
    for (const key of await client.keys(`*:${last >> 36n}:token`)) await client.set(key, 68_719_000_000);
    const next = await hold(b, newStream());
    await until('a greater token', async () => {
      const again = ask(b, stream);
      const acquired = await again.outcome.catch(() => undefined);
      await b.release(again.owner);
      return acquired?.outcome === 'granted' && acquired.locks[0]!.fencingToken > last + 68_719_000_000n;
    });
    await until('its loss', () => next.signal.aborted);
  });

  async function endSessionOf(ownerId: string, stream: string): Promise<void> {
    for (const key of await client.keys('*:locks')) {
      const held = (await client.hget(key, `${TENANT} ${stream}`)) ?? '';
      const [, , , , owner, session] = held.split(' ');
      if (owner === ownerId) await client.del(`${key.slice(0, -'locks'.length)}session:${session}`);
    }
  }
});
