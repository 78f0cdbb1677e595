// A database that was copied from another one (CREATE DATABASE .. TEMPLATE), on a server that crashes soon after. Its sequences
// would go back then: see libs/database/src/migrations/secure-sequences.sql.
import { openDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { newId } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { ensureTemplate, urlOf } from '@concord/testing';
import { openWhenServed } from '../torture/open-when-served.js';
import { EmbeddedServer } from '../torture/embedded-server.js';

let server: EmbeddedServer;
beforeAll(async () => (server = await EmbeddedServer.start()), 60_000);
afterAll(() => server.remove());

const append = (store: PostgresEventStore, tenant: string) =>
  runInTenant(tenant, () =>
    store.append({
      stream: `note-${newId()}`,
      expected: 'no-stream',
      events: [{ id: newId(), type: 'Noted', data: {} }],
    }),
  );
const feed = (store: PostgresEventStore, tenant: string) =>
  runInTenant(tenant, async () =>
    (await store.readFeed({ after: 0n, limit: 10 })).events.map((event) => event.globalPosition),
  );

it('shows what was committed before the crash, and gives no position or fencing token twice', async () => {
  const template = await ensureTemplate(server.url);
  await server.query(`create database copied template ${template}`);
  const url = urlOf(server.url, 'copied');
  const before = await openDatabase({ url, poolSize: 2 });
  const store = new PostgresEventStore(before.database);
  for (let count = 0; count < 3; count += 1) await append(store, 'one');
  const draw = { text: `select nextval('concord.lock_lives') as life` };
  const [first] = await before.database.query<{ life: bigint }>(draw);
  // With its backends, and before any checkpoint.
  await server.kill(true);
  await Promise.all([store.close(), before.close()]);

  const after = await openWhenServed(url, 2);
  const again = new PostgresEventStore(after.database);
  expect(await feed(again, 'one')).toEqual([1n, 2n, 3n]);
  await append(again, 'two');
  const [later] = await feed(again, 'two');
  expect(later).toBeGreaterThan(3n);
  const [second] = await after.database.query<{ life: bigint }>(draw);
  expect(second!.life).toBeGreaterThan(first!.life);
  await Promise.all([again.close(), after.close()]);
}, 60_000);
