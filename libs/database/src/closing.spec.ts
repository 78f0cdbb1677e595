// Closing: who waits for a connection still gets it, and a server that says nothing keeps nobody waiting.
import { setTimeout as sleep } from 'node:timers/promises';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import type pg from 'pg';
import { openLine } from '../../../test/fixtures/line.js';
import { ended, startProcess } from '../../../test/fixtures/process-under-test.js';
import { DatabaseUnavailable } from './errors.js';
import { openDatabase } from './open-database.js';

let testDatabase: TestDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

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

  // As after some seconds without work. The connection for hints does not keep a process alive; its end has to.
  it('comes to its end also when no other connection is left that keeps the process alive', async () => {
    const { process: child, complaint } = await startProcess('closing-process.ts', testDatabase.url);
    await withClient(testDatabase.url, (client) =>
      client.query(`select pg_terminate_backend(pid, 5000) from pg_stat_activity
        where datname = current_database() and application_name = 'concord'`),
    );
    child.send('close');
    await ended(child);
    expect({ code: child.exitCode, complaint: complaint() }).toEqual({ code: 0, complaint: '' });
  });

  it('waits neither for a silent server nor for the pause after a slow hint', async () => {
    const line = await openLine(testDatabase.url);
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

  it('leaves no connection behind on which the server does not take leave', async () => {
    const line = await openLine(testDatabase.url);
    const { database, close } = await openDatabase({ url: line.url, silenceMs: 200 });
    const pool = (database.dataSource.driver as unknown as { master: pg.Pool }).master;
    const gone = new Promise((resolve) => pool.once('remove', () => resolve('gone')));
    line.silence();
    await close();
    const outcome = await Promise.race([gone, sleep(5000, 'there', { ref: false })]);
    line.close();
    expect(outcome).toBe('gone');
  });
});
