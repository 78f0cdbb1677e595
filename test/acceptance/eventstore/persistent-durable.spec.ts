// What survives: the end of a server without a word, another server over the same database, a database that goes away. Real
// processes, real kills.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { EventStoreDBClient, persistentSubscriptionToStreamSettingsFromDefaults, START } from '@eventstore/db-client';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import { freePort } from '../../fixtures/free-port.js';
import { openRelay, type Relay } from '../relay.js';
import { consuming, type Consuming, typesOf } from './consuming.js';
import { collect, event, startServer } from './server-under-test.js';

const MAIN = fileURLToPath(new URL('../../../apps/eventstore/src/main.ts', import.meta.url));
const LOADER = new URL('../../load-typescript.js', import.meta.url).href;
const LEASE_MS = 1500;
// A server that does not leave in order is followed after this time only.
const LONG_MS = 30_000;

let database: TestDatabase;
const children: ChildProcess[] = [];
const clients: EventStoreDBClient[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.dispose()));
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  await database.drop();
});

async function start(port: number, leaseMs = LEASE_MS): Promise<ChildProcess> {
  const { NODE_OPTIONS: _options, ...inherited } = process.env;
  const env = {
    ...inherited,
    DATABASE_URL: database.url,
    EVENTSTORE_PORT: `${port}`,
    EVENTSTORE_LEASE_MS: `${leaseMs}`,
    LOG_LEVEL: 'silent',
  };
  const child = fork(MAIN, { execArgv: ['--import', LOADER], env, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  children.push(child);
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  while (!output.includes('listens') && child.exitCode === null) await sleep(20);
  return child;
}

function connect(port: number): EventStoreDBClient {
  const client = EventStoreDBClient.connectionString(`esdb://127.0.0.1:${port}?tls=false`);
  clients.push(client);
  return client;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

const settings = (change: object = {}) =>
  persistentSubscriptionToStreamSettingsFromDefaults({
    startFrom: START,
    checkPointLowerBound: 1,
    checkPointUpperBound: 1,
    messageTimeout: 0,
    ...change,
  });
const numbered = (from: number, count: number) => Array.from({ length: count }, (_, n) => event(`E${from + n}`));
const STREAM = 'order-1';
const PARKED = `$persistentsubscription-${STREAM}::g-parked`;

async function until(condition: () => Promise<boolean>, limitMs = 15_000): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${limitMs} ms`);
    await sleep(50);
  }
}

/** Tries until it is served: a server that takes over needs a moment. */
async function connected(port: number, bufferSize = 10): Promise<Consuming> {
  for (const deadline = Date.now() + 20_000; ;) {
    const consumer = consuming(connect(port).subscribeToPersistentSubscriptionToStream(STREAM, 'g', { bufferSize }));
    const error = await Promise.race([consumer.confirmed.then(() => undefined), consumer.ended]);
    if (!error) return consumer;
    if (Date.now() > deadline) throw new Error(`not served: ${JSON.stringify(error)}`);
    await sleep(100);
  }
}

it('after kill -9 it goes on at its checkpoint, with what is parked, also during a replay', async () => {
  const port = await freePort();
  const first = await start(port);
  const client = connect(port);
  await client.appendToStream(STREAM, numbered(0, 6));
  await client.createPersistentSubscriptionToStream(STREAM, 'g', settings());
  const one = await connected(port);
  const [e0, e1, e2, , e4] = await one.take(6);
  await one.ack(e0!, e1!, e4!);
  await one.nack('park', e2!);
  const info = (own: EventStoreDBClient) => own.getPersistentSubscriptionToStreamInfo(STREAM, 'g');
  await until(async () => {
    const { stats } = await info(client);
    return stats.parkedMessageCount === 1n && stats.lastCheckpointedEventRevision === 2n;
  });
  await kill(first);

  const second = await start(port);
  const two = await connected(port);
  // E4 was done, but beyond an unfinished one.
  const again = await two.take(3);
  expect(typesOf(again)).toEqual(['E3', 'E4', 'E5']);
  await two.ack(...again);
  const own = connect(port);
  expect(await info(own)).toMatchObject({ settings: settings(), stats: { parkedMessageCount: 1n } });
  expect((await collect(own.readStream(PARKED, { resolveLinkTos: true })))[0]!.event!.type).toBe('E2');
  await own.replayParkedMessagesToStream(STREAM, 'g');
  expect(typesOf(await two.take(1))).toEqual(['E2']);
  await until(async () => (await info(own)).stats.lastCheckpointedEventRevision === 5n);
  // Replayed, and not acknowledged.
  await kill(second);

  await start(port);
  const three = await connected(port);
  const last = connect(port);
  expect((await info(last)).stats.parkedMessageCount).toBe(1n);
  await last.replayParkedMessagesToStream(STREAM, 'g');
  const [e2again] = await three.take(1);
  expect(e2again!.event!.type).toBe('E2');
  await three.ack(e2again!);
  await until(async () => (await collect(last.readStream(PARKED)).catch(() => [])).length === 0);
  await last.appendToStream(STREAM, numbered(6, 1));
  expect(typesOf(await three.take(1))).toEqual(['E6']);
  expect(three.seen).toHaveLength(2);
});

it('an ordered end keeps what was acknowledged, whatever the least number for a checkpoint', async () => {
  const port = await freePort();
  const first = await start(port, LONG_MS);
  const client = connect(port);
  await client.appendToStream(STREAM, numbered(0, 3));
  await client.createPersistentSubscriptionToStream(
    STREAM,
    'g',
    settings({ checkPointLowerBound: 100, checkPointUpperBound: 1000 }),
  );
  const one = await connected(port);
  const [e0, e1] = await one.take(3);
  await one.ack(e0!, e1!);
  await sleep(300);
  first.kill('SIGTERM');
  expect(await one.ended).toMatchObject({ type: 'unavailable' });
  await once(first, 'exit');
  await start(port, LONG_MS);
  const begun = Date.now();
  const two = await connected(port);
  expect(Date.now() - begun).toBeLessThan(LONG_MS / 2);
  expect(typesOf(await two.take(1))).toEqual(['E2']);
});

describe('two servers over one database', () => {
  it('serve through one of them: the other says where, and takes over when that one is gone', async () => {
    const [port, otherPort] = [await freePort(), await freePort()];
    const [first] = [await start(port), await start(otherPort)];
    const [client, other] = [connect(port), connect(otherPort)];
    await client.appendToStream(STREAM, numbered(0, 4));
    await client.createPersistentSubscriptionToStream(STREAM, 'g', settings());
    await expect(other.getPersistentSubscriptionToStreamInfo(STREAM, 'g')).rejects.toMatchObject({
      type: 'not-leader',
      leader: { address: '127.0.0.1', port },
    });
    // The client has gone where it was sent.
    expect((await other.getPersistentSubscriptionToStreamInfo(STREAM, 'g')).groupName).toBe('g');
    const one = await connected(port);
    const [e0, e1] = await one.take(4);
    await one.ack(e0!, e1!);
    await until(async () => {
      const { stats } = await client.getPersistentSubscriptionToStreamInfo(STREAM, 'g');
      return stats.lastCheckpointedEventRevision === 1n;
    });
    await kill(first);
    const two = await connected(otherPort);
    expect(typesOf(await two.take(2))).toEqual(['E2', 'E3']);
  });

  it('never both hand out events: one that was stopped beyond its lease hands out nothing, and keeps nothing', async () => {
    const [port, otherPort] = [await freePort(), await freePort()];
    const [first] = [await start(port), await start(otherPort)];
    const client = connect(port);
    await client.appendToStream(STREAM, numbered(0, 6));
    await client.createPersistentSubscriptionToStream(STREAM, 'g', settings());
    const one = await connected(port, 2);
    const [e0, e1] = await one.take(2);
    first.kill('SIGSTOP');
    // On the wire already when the server comes to again; it may neither give the next two nor move the checkpoint.
    await one.ack(e0!, e1!);
    const two = await connected(otherPort, 2);
    expect(typesOf(await two.take(2))).toEqual(['E0', 'E1']);
    await two.ack(two.seen[0]!);
    await two.take(1);
    first.kill('SIGCONT');
    expect(await one.ended).toMatchObject({ type: 'unavailable' });
    expect(one.seen).toHaveLength(2);
    const position = () =>
      withClient(database.url, async (own) => {
        const { rows } = await own.query<{ position: string }>(
          `select position from concord.checkpoints where subscription = 'persistent-subscription:${STREAM}::g'`,
        );
        return rows.map((row) => Number(row.position));
      });
    await until(async () => (await position())[0] === 0);
    await sleep(300);
    expect(await position()).toEqual([0]);
  });
});

it('a database that goes away for a while loses nothing', async () => {
  const relays: Relay[] = [];
  const server = await startServer({ EVENTSTORE_LEASE_MS: '1000' }, async (url) => {
    relays.push(await openRelay(url));
    return relays[0]!.url;
  });
  const [relay] = relays as [Relay];
  const { client } = server;
  await client.appendToStream(STREAM, numbered(0, 4));
  await client.createPersistentSubscriptionToStream(STREAM, 'g', settings());
  const one = consuming(client.subscribeToPersistentSubscriptionToStream(STREAM, 'g', { bufferSize: 2 }));
  const [e0, e1] = await one.take(2);
  await relay.cut();
  await one.nack('park', e0!);
  await one.ack(e1!);
  await sleep(1500);
  await relay.restore();
  expect(await one.ended).toMatchObject({ type: 'unavailable' });
  const again = await connected(server.port);
  const types = new Set<string | undefined>();
  const parked = async () =>
    (await collect(connect(server.port).readStream(PARKED, { resolveLinkTos: true })).catch(() => [])).map(
      ({ event: e }) => e?.type,
    );
  const all = async () => new Set([...types, ...(await parked())]).size === 4;
  await until(async () => {
    for (const type of typesOf(again.seen)) types.add(type);
    return all();
  });
  await server.close();
  await relay.close();
});
