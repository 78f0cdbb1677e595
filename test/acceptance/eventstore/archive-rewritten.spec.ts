// A scavenge rewrites an archive file at the worst moment: after a client's read has learnt which file it needs, and before
// it opens that.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BACKWARDS, binaryEvent, END } from '@eventstore/db-client';
import { Database, type Statement } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { runInTenant } from '@concord/tenancy';
import { collect, event, type ServerUnderTest, startServer, TENANT } from './server-under-test.js';

let folder: string;
let server: ServerUnderTest;
/** Done once, when the archive files that a read needs have been looked up. */
let meanwhile: (() => Promise<unknown>) | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'concord-archive-'));
  server = await startServer({ EVENTSTORE_ARCHIVE: folder });
  const database = server.app.get(Database);
  const query = database.query.bind(database);
  database.query = async <Row extends object>(statement: Statement, values?: readonly unknown[]): Promise<Row[]> => {
    const rows = await query<Row>(statement, values);
    if (statement.name?.startsWith('concord:archives-of') !== true) return rows;
    const work = meanwhile;
    meanwhile = undefined;
    await work?.();
    return rows;
  };
});

afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

type Shown = AsyncIterable<{ event?: { type: string } }>;
const last = { direction: BACKWARDS, fromRevision: END } as const;

it.each([
  ['a stream', () => server.client.readStream('order-1'), ['A', 'B', 'C']],
  ['a stream, backwards', () => server.client.readStream('order-1', last), ['C', 'B', 'A']],
  ['$ce-order', () => server.client.readStream('$ce-order', { resolveLinkTos: true }), ['A', 'B', 'C']],
  ['links', () => server.client.readStream('links-1', { resolveLinkTos: true }), ['A']],
] as const)('%s is read whole', async (_, read: () => Shown, expected) => {
  const { client } = server;
  await client.appendToStream('links-1', binaryEvent({ type: '$>', data: Buffer.from('0@order-1') }));
  await client.appendToStream('order-1', [event('A'), event('B')]);
  const upTo = (await client.appendToStream('gone-1', [event('X'), event('Y')])).position!.commit;
  await client.appendToStream('order-1', event('C'));
  await client.appendToStream('gone-1', event('Z'));
  const store = new PostgresEventStore(server.app.get(Database), { archiveFolder: folder });
  const archived = await runInTenant(TENANT, () => store.archive({ upTo }));
  expect(archived).toMatchObject({ events: 4 });
  await client.setStreamMetadata('gone-1', { truncateBefore: 2 });
  const files = () => readdir(join(folder, TENANT));
  const before = await files();
  let removed = 0;
  meanwhile = async () => {
    removed = await runInTenant(TENANT, () => store.scavenge());
  };
  const types = (await collect(read())).map(({ event: shown }) => shown?.type);
  expect(removed).toBe(2);
  expect(await files()).not.toEqual(before);
  expect(types).toEqual(expected);
});
