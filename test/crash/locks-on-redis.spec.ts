// When the Redis that keeps the locks is killed, comes back with or without its data, or is another one: locks are gone, but
// for prepared ones, and nobody commits on what was held before.
import { openDatabase, type OpenDatabase, OwnershipLost } from '@concord/database';
import { type Acquired, RedisLockService } from '@concord/locking';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { ask, hold, newStream, refusal, tokenOf, until } from '../contract/locking/kit.js';
import { RedisServer, withRedisOfItsOwn } from '../fixtures/redis-server.js';

withRedisOfItsOwn('locks on a Redis that fails (install redis-server to run it)', () => {
  let created: TestDatabase;
  let opened: OpenDatabase;
  const open: { remove(): Promise<void> }[] = [];
  beforeAll(async () => {
    Logger.overrideLogger(false); // Connections are lost here, on purpose.
    created = await createTestDatabase();
    opened = await openDatabase({ url: created.url, poolSize: 4 });
  });
  afterEach(async () => {
    for (const one of open.splice(0).toReversed()) await one.remove();
  });
  afterAll(async () => {
    await opened.close();
    await created.drop();
  });

  async function start(options?: Parameters<typeof RedisServer.start>[0]): Promise<RedisServer> {
    const server = await RedisServer.start(options);
    open.push(server);
    return server;
  }

  function serviceOn({ url }: { url: string }, leaseMs = 10_000): RedisLockService {
    const service = new RedisLockService(opened.database, url, { leaseMs });
    open.push({ remove: () => service.close() });
    return service;
  }

  /** As soon as the server can be reached again. */
  async function eventually(asks: () => ReturnType<typeof ask>): Promise<Acquired> {
    let acquired: Acquired | undefined;
    await until('an answer', async () => {
      acquired = await asks().outcome.catch(() => undefined);
      return acquired !== undefined;
    });
    return acquired!;
  }

  it.each([{ keeps: true }, { keeps: false }])(
    'kill -9, and it comes back with its data: $keeps. What was prepared is kept, and nothing else',
    async ({ keeps }) => {
      const server = await start({ keeps });
      const [before, after] = [serviceOn(server), serviceOn(server)];
      const [plain, prepared] = [newStream(), newStream()];
      const older = after.begin();
      const held = ask(before, plain);
      const token = await tokenOf(held);
      const winner = await hold(before, prepared);
      await opened.database.transaction(() => before.prepare(winner));
      await server.kill();
      await server.run();

      const next = await eventually(() => ask(after, plain));
      expect(next).toMatchObject({ outcome: 'granted' });
      expect(next.outcome === 'granted' && next.locks[0]!.fencingToken).toBeGreaterThan(token);
      await expect(opened.database.transaction(() => before.fence(held.owner))).rejects.toThrow(OwnershipLost);
      await until('its loss', () => held.owner.signal.aborted);
      expect(held.owner.signal.reason).toMatchObject({ code: 'lease-lost' });
      // Also by an older one, and by no lease.
      const waits = ask(after, prepared, 'S', { owner: older, waitMs: 700 });
      expect(await waits.outcome).toMatchObject({ error: { holders: [{ owner: winner.id, prepared: true }] } });
      expect(await after.locks()).toContainEqual(expect.objectContaining({ stream: prepared, prepared: true }));
      // Who prepared may still commit.
      await opened.database.transaction(async () => {
        await before.fence(winner);
        await before.releasePrepared(winner.id);
      });
      expect(await refusal(ask(after, prepared, 'X', { owner: older }))).toBe('granted');
    },
  );

  it('a server that forgets everything while it runs begins a new life', async () => {
    const server = await start();
    const [before, after] = [serviceOn(server), serviceOn(server)];
    const stream = newStream();
    const held = ask(before, stream);
    const token = await tokenOf(held);
    await forgetEverything(server);
    const next = await eventually(() => ask(after, stream));
    expect(next.outcome === 'granted' && next.locks[0]!.fencingToken).toBeGreaterThan(token);
    await expect(opened.database.transaction(() => before.fence(held.owner))).rejects.toThrow(OwnershipLost);
  });

  it('of two servers that both believe to be the master, only the younger life commits', async () => {
    const [one, other] = [await start(), await start()];
    const [here, there] = [serviceOn(one, 1000), serviceOn(other)];
    const stream = newStream();
    const first = await hold(here, stream);
    await opened.database.transaction(() => here.fence(first));
    const second = await hold(there, stream);
    await expect(opened.database.transaction(() => here.fence(first))).rejects.toThrow(OwnershipLost);
    await opened.database.transaction(() => there.fence(second));
    // Its heart finds out, and it begins anew: then the other life is over.
    await until('its loss', () => first.signal.aborted);
    const third = await eventually(() => ask(here, stream));
    expect(third.outcome).toBe('granted');
    await expect(opened.database.transaction(() => there.fence(second))).rejects.toThrow(OwnershipLost);
  });

  it('a replica that is promoted begins a new life, whatever it was told of the last one', async () => {
    const master = await start();
    const replica = await start({ settings: ['--replicaof', `127.0.0.1 ${master.port}`] });
    const [before, after] = [serviceOn(master), serviceOn(replica)];
    const stream = newStream();
    const held = ask(before, stream);
    const token = await tokenOf(held);
    await expect(ask(after, stream).outcome).rejects.toMatchObject({ code: 'database-unavailable' });
    const client = new Redis(replica.url);
    await until('its copy', async () => (await client.keys('concord:*:locks')).length === 1);
    await master.kill();
    await client.replicaof('NO', 'ONE');
    client.disconnect();
    const next = await eventually(() => ask(after, stream));
    expect(next.outcome === 'granted' && next.locks[0]!.fencingToken).toBeGreaterThan(token);
    await expect(opened.database.transaction(() => before.fence(held.owner))).rejects.toThrow(OwnershipLost);
  });

  it.each([
    ['is a cluster', ['--cluster-enabled', 'yes'], 'Redis Cluster'],
    ['may evict locks', ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'], 'set it to noeviction'],
  ])('a server that %s is refused, and told why', async (_what, settings, message) => {
    const service = serviceOn(await start({ settings }));
    await expect(ask(service, newStream()).outcome).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(message),
    });
  });

  it('a commit under way is waited for before a new life begins', async () => {
    const [one, other] = [await start(), await start()];
    const [here, there] = [serviceOn(one), serviceOn(other)];
    const stream = newStream();
    const first = await hold(here, stream);
    let second!: ReturnType<typeof ask>;
    await opened.database.transaction(async () => {
      await here.fence(first);
      second = ask(there, stream);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(second.isOver).toBe(false);
    });
    expect(await refusal(second)).toBe('granted');
  });

  it('the locks of a server that does not answer are lost with the lease', async () => {
    const server = await start();
    const service = serviceOn(server, 1000);
    const owner = await hold(service, newStream());
    server.signal('SIGSTOP');
    const asked = ask(service, newStream());
    await until('its loss', () => owner.signal.aborted);
    expect(await refusal(asked)).toBe('lease-lost');
    server.signal('SIGCONT');
    expect(await eventually(() => ask(service, newStream()))).toMatchObject({ outcome: 'granted' });
  });
});

async function forgetEverything({ url }: RedisServer): Promise<void> {
  const client = new Redis(url);
  await client.flushall();
  client.disconnect();
}
