// Archived events are not read back by the server: what would need them is refused, never answered without them.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BACKWARDS, binaryEvent, END } from '@eventstore/db-client';
import { Database } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { runInTenant } from '@concord/tenancy';
import { collect, event, startServer, TENANT } from './server-under-test.js';

it('refuses what reaches into the archive, and reads what does not', async () => {
  const server = await startServer();
  const archiveFolder = await mkdtemp(join(tmpdir(), 'concord-archive-'));
  const { client } = server;
  const appended = await client.appendToStream('order-1', [event('A'), event('B'), event('C')]);
  await client.appendToStream('links-1', binaryEvent({ type: '$>', data: Buffer.from('0@order-1') }));
  await client.appendToStream('order-1', [event('D'), event('E')]);
  const store = new PostgresEventStore(server.app.get(Database), { archiveFolder });
  const report = await runInTenant(TENANT, () => store.archive({ upTo: appended.position!.commit }));
  expect(report.events).toBe(3);

  const refused = (events: AsyncIterable<unknown>) => expect(collect(events)).rejects.toThrow(/archived/);
  const types = async (events: AsyncIterable<{ event?: { type: string } }>) =>
    (await collect(events)).map(({ event }) => event?.type);
  await refused(client.readStream('order-1'));
  await refused(client.readStream('order-1', { fromRevision: 2n }));
  await refused(client.readStream('order-1', { direction: BACKWARDS, fromRevision: END }));
  await refused(client.readStream('order-1', { direction: BACKWARDS, fromRevision: 1n }));
  await refused(client.readStream('links-1', { resolveLinkTos: true }));
  await refused(client.readAll());
  await refused(client.readAll({ direction: BACKWARDS, fromPosition: END }));
  await refused(client.readStream('$ce-order'));
  await refused(client.subscribeToStream('order-1'));

  expect(await types(client.readStream('order-1', { fromRevision: 3n }))).toEqual(['D', 'E']);
  const lastTwo = { direction: BACKWARDS, fromRevision: END, maxCount: 2 } as const;
  expect(await types(client.readStream('order-1', lastTwo))).toEqual(['E', 'D']);
  const after = { commit: appended.position!.commit + 1n, prepare: appended.position!.prepare + 1n };
  expect(await types(client.readAll({ fromPosition: after }))).toEqual(['$>', 'D', 'E']);
  expect(await types(client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 2 }))).toEqual(['E', 'D']);
  await client.setStreamMetadata('order-1', { truncateBefore: 3 });
  expect(await types(client.readStream('order-1'))).toEqual(['D', 'E']);
  await server.close();
  await rm(archiveFolder, { recursive: true });
});
