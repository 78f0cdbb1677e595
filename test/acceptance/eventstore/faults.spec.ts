// What goes wrong around the server: slow readers, a database that goes away, an end that comes early.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { credentials, Metadata } from '@grpc/grpc-js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import services from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { StoredEvents } from '@concord/event-store';
import { newId } from '@concord/kernel';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { openRelay, type Relay } from '../relay.js';
import { collect, event, startServer, taking } from './server-under-test.js';

const MAIN = fileURLToPath(new URL('../../../apps/eventstore/src/main.ts', import.meta.url));
const LOADER = new URL('../../load-typescript.js', import.meta.url).href;

const fresh = () => `order-${newId()}`;

describe('a slow reader', () => {
  it('is not read ahead for, and gets everything in the end', async () => {
    const server = await startServer({ EVENTSTORE_MAX_APPEND_SIZE: '20000000' });
    const stream = fresh();
    const large = () => jsonEvent({ type: 'L', data: { x: 'x'.repeat(100_000) } });
    for (let n = 0; n < 5; n += 1) await server.client.appendToStream(stream, Array.from({ length: 100 }, large));
    let pages = 0;
    const stored = server.app.get(StoredEvents);
    const page = stored.stream.bind(stored);
    stored.stream = (...asked) => {
      pages += 1;
      return page(...asked);
    };
    const client = new services.StreamsClient(`127.0.0.1:${server.port}`, credentials.createInsecure());
    const from = new streams.ReadReq.Options.StreamOptions()
      .setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(stream)))
      .setStart(new shared.Empty());
    const request = new streams.ReadReq().setOptions(new streams.ReadReq.Options().setStream(from).setCount('1000'));
    const call = client.read(request, new Metadata());
    await once(call, 'readable');
    await sleep(500);
    expect(pages).toBe(1);
    expect(await collect(call)).toHaveLength(500);
    expect(pages).toBeGreaterThan(5);
    client.close();
    await server.close();
  });
});

describe('a database that goes away', () => {
  it('is told as such, without details of its inside, and used again when it is back', async () => {
    const relays: Relay[] = [];
    const server = await startServer({}, async (url) => {
      const relay = await openRelay(url);
      relays.push(relay);
      return relay.url;
    });
    const [stream, [relay]] = [fresh(), relays as [Relay]];
    await server.client.appendToStream(stream, event());
    const subscription = server.client.subscribeToStream(stream);
    const take = taking(subscription);
    await take(1);
    const dropped = take(1);
    dropped.catch(() => undefined);
    await relay.cut();
    const attempt = server.client.appendToStream(stream, event(), { credentials: { username: 'u', password: 'p' } });
    await expect(attempt).rejects.toMatchObject({ type: 'unavailable' });
    await expect(attempt).rejects.not.toThrow(/node_modules|\.ts:|\.js:/);
    const message = await attempt.catch((error: unknown) => String(error));
    expect(message).toMatch(/the database of this server/);
    expect(message).not.toMatch(/ECONN|connection terminated|127\.0\.0\.1/i);
    await expect(dropped).rejects.toMatchObject({ type: 'unavailable' });
    await relay.restore();
    const again = server.connect();
    await again.appendToStream(stream, event());
    expect(await collect(again.readStream(stream))).toHaveLength(2);
    await server.close();
    await relay.close();
  });
});

describe('the process', () => {
  let database: TestDatabase;
  const children: ChildProcess[] = [];
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await database.drop();
  });

  const start = async (environment: NodeJS.ProcessEnv = {}) => {
    const { NODE_OPTIONS: _options, ...inherited } = process.env;
    const env = { ...inherited, DATABASE_URL: database.url, EVENTSTORE_PORT: '0', ...environment };
    const child = fork(MAIN, { execArgv: ['--import', LOADER], env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    children.push(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    while (!output.includes('listens') && child.exitCode === null) await sleep(20);
    return { child, url: /esdb:\S+/.exec(output)?.[0] ?? '', output: () => output };
  };
  const ended = async (child: ChildProcess): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.exitCode;
  };

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'ends at %s: subscribers and writers are told to go elsewhere',
    async (signal) => {
      const server = await start();
      const client = EventStoreDBClient.connectionString(server.url);
      await client.appendToStream(fresh(), event());
      const subscription = client.subscribeToAll();
      const told = new Promise((resolve) => subscription.on('error', resolve).on('data', () => undefined));
      await once(subscription, 'caughtUp');
      server.child.kill(signal);
      expect(await told).toMatchObject({ type: 'unavailable' });
      expect(await ended(server.child)).toBe(0);
      await client.dispose();
    },
  );

  it('has lost nothing that it acknowledged when it is killed', async () => {
    const server = await start();
    const client = EventStoreDBClient.connectionString(server.url);
    const stream = fresh();
    const acknowledged: bigint[] = [];
    const killed = sleep(300).then(() => server.child.kill('SIGKILL'));
    try {
      for (;;) acknowledged.push((await client.appendToStream(stream, event())).nextExpectedRevision);
    } catch {
      // It is dead.
    }
    await killed;
    await ended(server.child);
    await client.dispose();
    const next = await start();
    const reader = EventStoreDBClient.connectionString(next.url);
    const revisions = (await collect(reader.readStream(stream))).map(({ event }) => event!.revision);
    expect(acknowledged.length).toBeGreaterThan(0);
    expect(revisions).toEqual(expect.arrayContaining(acknowledged));
    // One more may have been on its way.
    expect(revisions.length - acknowledged.length).toBeLessThanOrEqual(1);
    await reader.dispose();
    next.child.kill();
    await ended(next.child);
  });

  it('does not start on a port that is taken, and says what to do', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const port = (other.address() as { port: number }).port.toString();
    const server = await start({ EVENTSTORE_PORT: port });
    expect(await ended(server.child)).toBe(1);
    expect(server.output()).toMatch(/did not start: .*EADDRINUSE.*set EVENTSTORE_PORT to another one/);
    other.close();
  });
});
