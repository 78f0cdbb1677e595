// Who was forgotten stays forgotten, though PostgreSQL is killed the moment after; and a key that was used is still there.
import { type OpenDatabase, openDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { newId, type StreamName } from '@concord/kernel';
import { DataSubjects, MasterKeys, personalData, PostgresSubjectKeys } from '@concord/privacy';
import { runInTenant } from '@concord/tenancy';
import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedServer } from '../torture/embedded-server.js';

const MASTER = new MasterKeys(Buffer.alloc(32, 3).toString('base64'));
const DECLARED = [{ type: 'Named', subject: 'who', fields: { name: '-' } }];

let server: EmbeddedServer;
let opened: OpenDatabase;

beforeAll(async () => {
  Logger.overrideLogger(false); // Connections are lost here, on purpose.
  server = await EmbeddedServer.start();
  opened = await openDatabase({ url: server.url, poolSize: 4 });
  // What is not waited for is not in the log yet when the server dies.
  await server.query(`alter system set wal_writer_delay = '10s'`);
  await server.query('select pg_reload_conf()');
}, 60_000);
afterAll(async () => {
  await opened.close();
  await server.remove();
});

it('forgetting and the keys survive kill -9', async () => {
  const keys = new PostgresSubjectKeys(opened.database);
  const store = new PostgresEventStore(opened.database);
  store.useSeal(personalData(DECLARED, keys, MASTER));
  const [ada, bob] = [newId(), newId()];
  const streams = new Map<string, StreamName>([ada, bob].map((who) => [who, `thing-${who}`]));
  await runInTenant('crashed', async () => {
    for (const [who, stream] of streams) {
      const event = { id: newId(), type: 'Named', data: { who, name: 'x' } };
      await store.append({ stream, expected: 'no-stream', events: [event] });
    }
    await new DataSubjects(keys).forget(ada, { reason: 'asked to' });
    await server.kill(true);
    keys.announce();
    const named = async (who: string): Promise<unknown> => {
      for (const deadline = Date.now() + 30_000; ;) {
        try {
          return (await Array.fromAsync(store.readStream(streams.get(who)!)))[0]?.data;
        } catch (error) {
          if (Date.now() > deadline) throw error;
          await sleep(50);
        }
      }
    };
    expect(await named(ada)).toEqual({ who: ada, name: '-' });
    expect(await named(bob)).toEqual({ who: bob, name: 'x' });
  });
}, 90_000);
