// Closing: who waits for a connection still gets it, and a server that says nothing keeps nobody waiting.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { DatabaseUnavailable } from './errors.js';
import { openDatabase } from './open-database.js';

let testDatabase: TestDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

/** A way to the server on which it can fall silent. */
async function openLine() {
  const sockets: Socket[] = [];
  const target = new URL(testDatabase.url);
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    client.on('close', () => upstream.destroy());
    client.pipe(upstream).pipe(client);
    sockets.push(client, upstream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(testDatabase.url);
  url.hostname = '127.0.0.1';
  url.port = `${(server.address() as AddressInfo).port}`;
  const silence = () => {
    for (const socket of sockets) socket.unpipe().pause();
  };
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { url: url.href, silence, close };
}

describe('close()', () => {
  it('serves what waits for a connection, and refuses what comes then', async () => {
    const { database, close } = await openDatabase({ url: testDatabase.url, poolSize: 2 });
    const waiting = Array.from({ length: 8 }, (_, n) =>
      n % 2 === 0
        ? database.query({ text: 'select pg_sleep(0.1)' })
        : database.transaction(() => database.query({ text: 'select pg_sleep(0.1)' })),
    );
    const settled = Promise.allSettled(waiting);
    await sleep(20);
    const began = performance.now();
    const closed = close();
    await expect(database.query({ text: 'select 1' })).rejects.toThrow(DatabaseUnavailable);
    await expect(database.transaction(() => Promise.resolve())).rejects.toThrow(DatabaseUnavailable);
    await closed;
    const results = await Promise.race([settled, sleep(5000, [], { ref: false })]);
    expect(results.map(({ status }) => status)).toEqual(waiting.map(() => 'fulfilled'));
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it('waits neither for a silent server nor for the pause after a slow hint', async () => {
    const line = await openLine();
    const { database, close } = await openDatabase({ url: line.url });
    const heard = new Promise<void>((resolve) => database.notifications.listen('quiet', () => resolve()));
    await heard;
    line.silence();
    database.notifications.notify('quiet');
    await sleep(50);
    const began = performance.now();
    await database.notifications.close();
    expect(performance.now() - began).toBeLessThan(4000);
    line.close();
    await close();
  });
});
