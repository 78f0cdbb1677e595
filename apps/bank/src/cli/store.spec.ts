// `store`: what it moves and removes, and that the other tools still read what it has moved.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { newId } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import { runTool } from '../../../../test/fixtures/in-process.js';
import { generateFiles, importFolderOf, removeImportFolders } from '../../../../test/fixtures/import/import-folder.js';

let database: TestDatabase;
let archive: string;
const given = process.env['CONCORD_ARCHIVE'];

beforeAll(async () => {
  database = await createTestDatabase();
  archive = mkdtempSync(join(tmpdir(), 'concord-archive-'));
});
afterAll(async () => {
  await database.drop();
  rmSync(archive, { recursive: true });
  removeImportFolders();
});
afterEach(() => inFolder(given));

function inFolder(folder: string | undefined): void {
  if (folder === undefined) delete process.env['CONCORD_ARCHIVE'];
  else process.env['CONCORD_ARCHIVE'] = folder;
}

const run = (tool: string, ...args: string[]) => runTool(tool, database.url, ...args);
const inTable = (tenant: string): Promise<number> =>
  withClient(database.url, async (client) => {
    const text = 'select count(*)::integer as n from concord.events where tenant_id = $1';
    return (await client.query<{ n: number }>(text, [tenant])).rows[0]!.n;
  });

it('a wrong use ends with 2, says what is wrong, and opens nothing', async () => {
  inFolder(undefined);
  const all = ['--tenant', 't', '--up-to', '1'];
  const uses: [string, ...string[]][] = [
    ['Usage: store', ...[]],
    ["unknown command 'shred'", 'shred'],
    ["required option '--tenant <id>' not specified", 'scavenge'],
    ['a tenant id starts with a letter or digit', 'scavenge', '--tenant', 'a b'],
    ['say one of --hidden, --before <time> and --up-to <position>', 'archive', '--tenant', 't'],
    ['say one of --hidden, --before <time> and --up-to <position>', 'archive', ...all, '--hidden'],
    ['give a day such as 2025-01-01', 'archive', '--tenant', 't', '--before', 'yesterday'],
    ['give a day such as 2025-01-01', 'archive', '--tenant', 't', '--before', '2025-13-01'],
    ['give a position of the feed', 'archive', '--tenant', 't', '--up-to', '-1'],
    ['give a whole number from 1 to', 'archive', ...all, '--events-per-file', '0'],
    ['set CONCORD_ARCHIVE to the folder', 'archive', ...all],
  ];
  const results = await Promise.all(uses.map(([, ...args]) => run('store', ...args)));
  expect(results).toEqual(uses.map(([message]) => ({ code: 2, out: '', err: expect.stringContaining(message) })));
});

it('--help shows the commands, and the options of each', async () => {
  const results = await Promise.all([run('store', '--help'), run('store', 'archive', '--help')]);
  expect(results).toEqual([
    { code: 0, out: expect.stringMatching(/scavenge[^]+archive/), err: '' },
    {
      code: 0,
      out: expect.stringMatching(/--tenant[^]+--hidden[^]+--before[^]+--up-to[^]+--events-per-file/),
      err: '',
    },
  ]);
});

it('scavenge removes what is shown no more, of its tenant only', async () => {
  const opened = await openDatabase({ url: database.url, poolSize: 2 });
  const store = new PostgresEventStore(opened.database);
  for (const tenant of ['s1', 's2']) {
    await runInTenant(tenant, async () => {
      const events = Array.from({ length: 5 }, () => ({ id: newId(), type: 'AccountClosed', data: {} }));
      await store.append({ stream: 'cart-1', expected: 'any', events });
      await store.writeStreamMetadata('cart-1', { maxCount: 2 });
    });
  }
  await opened.close();
  expect(await run('store', 'scavenge', '--tenant', 's1')).toMatchObject({ code: 0, out: '3 events removed\n' });
  expect([await inTable('s1'), await inTable('s2')]).toEqual([3, 6]);
  expect(await run('store', 'scavenge', '--tenant', 's1')).toMatchObject({ code: 0, out: '0 events removed\n' });
});

it('archive moves events to files, which every tool reads that knows the folder, and misses that does not', async () => {
  const folder = importFolderOf(generateFiles({ accounts: 3, transactions: 40 }));
  expect(await run('import', '--dir', folder, '--tenant', 'a1')).toMatchObject({ code: 0 });
  const before = await inTable('a1');

  inFolder(archive);
  const younger = await run('store', 'archive', '--tenant', 'a1', '--before', '2020-01-01');
  expect(younger).toMatchObject({ code: 0, out: '0 events moved to 0 files\n' });
  const moved = await run('store', 'archive', '--tenant', 'a1', '--up-to', '1000000', '--events-per-file', '20');
  expect(moved).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+ events moved to \d files\n$/) });
  const [events = 0, files = 0] = moved.out.match(/\d+/g)!.map(Number);
  expect([await inTable('a1'), readdirSync(join(archive, 'a1')).length]).toEqual([before - events, files]);
  expect(events).toBeGreaterThan(30);

  const replay = ['--projection', 'ledger.accounts', '--tenant', 'a1'];
  expect(await run('replay', ...replay)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/ledger\.accounts: 43 events[^]+equal/),
  });
  inFolder(undefined);
  expect(await run('replay', ...replay)).toMatchObject({
    code: 1,
    err: expect.stringContaining('events of this range are archived: give the store its archive folder'),
  });
});
