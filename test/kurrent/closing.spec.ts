// The client keeps a process alive that does not dispose of it. Closing the store does.
import { once } from 'node:events';
import { createTestDatabase } from '@concord/testing';
import { startEventStoreServer } from '../../apps/eventstore/src/start-server.js';
import { startProcess } from '../fixtures/process-under-test.js';

it('a process ends by itself once its store is closed, and not before', async () => {
  const { url, drop } = await createTestDatabase();
  const server = await startEventStoreServer({ url, environment: { EVENTSTORE_PORT: '0', LOG_LEVEL: 'silent' } });
  const start = (end: string) => startProcess('kurrent-process.ts', server.connectionString, end);
  const [closing, staying] = [await start('close'), await start('stay')];
  const stayed = once(staying.process, 'exit');
  if (closing.process.exitCode === null) await once(closing.process, 'exit');
  expect(closing.process.exitCode).toBe(0);
  // It has had as long as the other one, and a second.
  await Promise.race([stayed, new Promise((resolve) => setTimeout(resolve, 1_000))]);
  expect(staying.process.exitCode).toBeNull();
  staying.process.kill();
  await stayed;
  await server.close();
  await drop();
});
