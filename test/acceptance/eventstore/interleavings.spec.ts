// What clients see while somebody else holds a transaction open: two real connections.
import { BACKWARDS, END, START } from '@eventstore/db-client';
import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '@concord/kernel';
import { withClient } from '@concord/testing';
import { collect, event, type ServerUnderTest, startServer, taking, TENANT } from './server-under-test.js';
import { type RawClient, rawClient } from './raw-client.js';

let server: ServerUnderTest;
let raw: RawClient;

beforeAll(async () => {
  server = await startServer();
  raw = rawClient(server.port);
});

afterAll(async () => {
  raw.close();
  await server.close();
});

const fresh = () => `order-${newId()}`;

describe('while an append of another process is not yet committed', () => {
  it('$all shows nothing beyond it, and then everything in one order, to readers and subscribers alike', async () => {
    const seen: string[] = [];
    const subscription = server.client.subscribeToAll({ fromPosition: START });
    subscription.on('data', ({ event }) => seen.push(event!.type));
    await withClient(server.databaseUrl, async (client) => {
      await client.query('begin');
      await client.query(`select concord.append_event($1, $2, 'any', $3, 'Slow', '{}', '{}', true)`, [
        TENANT,
        fresh(),
        newId(),
      ]);
      const stream = fresh();
      await server.client.appendToStream(stream, event('Fast'));
      expect(await collect(server.client.readStream(stream))).toHaveLength(1);
      expect(await collect(server.client.readAll())).toEqual([]);
      expect(await collect(server.client.readAll({ direction: BACKWARDS, fromPosition: END }))).toEqual([]);
      await sleep(300);
      expect(seen).toEqual([]);
      await client.query('commit');
    });
    while (seen.length < 2) await sleep(20);
    expect(seen).toEqual(['Slow', 'Fast']);
    expect((await collect(server.client.readAll())).map(({ event }) => event!.type)).toEqual(seen);
    await subscription.unsubscribe();
  });

  it('a batch append that waits for its stream is answered at its deadline, and others are not held up', async () => {
    const stream = fresh();
    const sent = { contentType: 'application/json', data: Buffer.from('{}'), metadata: Buffer.of() };
    await withClient(server.databaseUrl, async (client) => {
      await client.query('begin');
      await client.query('select concord.lock_streams($1, $2)', [TENANT, [stream]]);
      const late = raw.batch(stream, [sent], { deadline: new Date(Date.now() + 500) });
      await server.client.appendToStream(fresh(), event());
      expect((await late).getError()?.getDetails()?.getTypeName()).toBe('event_store.client.Timeout');
      await client.query('rollback');
    });
    // Whether it goes through was not known; here it does, once the lock is free.
    const subscription = server.client.subscribeToStream(stream);
    expect(await taking(subscription)(1)).toHaveLength(1);
    await subscription.unsubscribe();
  });
});
