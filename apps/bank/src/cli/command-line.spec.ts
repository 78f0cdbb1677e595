// The tools: exit codes, what is printed where, Ctrl-C, and an app at work on the same database.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import pg from 'pg';
import { startFile, startTool } from '../../../../test/fixtures/import/command-line.js';
import { runTool } from '../../../../test/fixtures/in-process.js';
import { generateFiles, importFolderOf, removeImportFolders } from '../../../../test/fixtures/import/import-folder.js';

let database: TestDatabase;
let scratch: string;
beforeAll(async () => {
  database = await createTestDatabase();
  scratch = mkdtempSync(join(tmpdir(), 'concord-cli-'));
});
afterAll(async () => {
  await database.drop();
  rmSync(scratch, { recursive: true });
  removeImportFolders();
});

const run = (tool: string, ...args: string[]) => runTool(tool, database.url, ...args);

it('a wrong use ends with 2 and says what is wrong', async () => {
  const folder = importFolderOf({});
  const uses: [string, ...string[]][] = [
    ["required option '--dir <folder>' not specified", 'import', '--tenant', 't'],
    ["required option '--tenant <id>' not specified", 'import', '--dir', folder],
    ['there is no such folder', 'import', '--dir', join(scratch, 'nowhere'), '--tenant', 't'],
    ['a tenant id starts with a letter or digit', 'import', '--dir', folder, '--tenant', 'a b'],
    ['has no file districts.csv', 'import', '--dir', scratch, '--tenant', 't'],
    ['give a whole number from 1 to 100', 'import', '--dir', folder, '--tenant', 't', '--concurrency', '0'],
    ['three capital letters', 'import', '--dir', folder, '--tenant', 't', '--currency', 'czk'],
    ['cannot be written', 'import', '--dir', folder, '--tenant', 't', '--errors', join(scratch, 'no', 'file')],
    ["unknown option '--frobnicate'", 'import', '--dir', folder, '--tenant', 't', '--frobnicate'],
    ['has no file accounts.csv', 'verify', '--dir', scratch, '--tenant', 't'],
    ['no projection "nope": there are ledger.accounts, ', 'replay', '--projection', 'nope'],
    ['tenant nobody has no events', 'replay', '--projection', 'ledger.accounts', '--tenant', 'nobody'],
    ['no projection "nope": there are ledger.accounts, ', 'replay', '--projection', 'nope', '--dry-run'],
    ['--dry-run of what? say --projection <name>', 'replay', '--dry-run'],
    ['--json and --show go with --dry-run', 'replay', '--projection', 'ledger.accounts', '--json'],
    ['give a whole number from 0 to 10000', 'replay', '--projection', 'ledger.accounts', '--dry-run', '--show', 'x'],
  ];
  const results = await Promise.all(uses.map(([, tool, ...args]) => run(tool ?? '', ...args)));
  expect(results).toEqual(uses.map(([message]) => ({ code: 2, out: '', err: expect.stringContaining(message) })));
});

it('refused rows are printed by line, written to a file, and end with 1; verify leaves them out', async () => {
  const files = generateFiles({ accounts: 2, transactions: 10 });
  const bad = Array.from({ length: 60 }, (_, index) => `x${index},1,2024-01-01,credit,cash,nothing,,,,`);
  const folder = importFolderOf({ ...files, transactions: [...files.transactions, ...bad] });
  const errors = join(scratch, 'refused.txt');
  const { code, out, err } = await run('import', '--dir', folder, '--tenant', 'refused', '--errors', errors);
  expect({ code, out }).toEqual({
    code: 1,
    out: expect.stringMatching(/transactions\.csv +10 +0 +60\n60 rows were refused/),
  });
  expect(err).toContain('transactions.csv:12: "nothing" is no amount');
  expect(err).toContain('transactions.csv:61: ');
  expect(err).not.toContain('transactions.csv:62: ');
  expect(readFileSync(errors, 'utf8').trim().split('\n')).toHaveLength(60);

  const verified = await run('verify', '--dir', folder, '--tenant', 'refused');
  expect(verified).toMatchObject({ code: 0, out: expect.stringContaining('2 accounts compared, 2 exact') });
  expect(verified.out).toContain('60 malformed rows were left out');
  expect(verified.out).toContain('balance_after is the running sum in all 10 rows');
});

it('verify ends with 1 and a table when something differs', async () => {
  const files = generateFiles({ accounts: 3, transactions: 20 });
  await run('import', '--dir', importFolderOf(files), '--tenant', 'differs');
  const longer = {
    accounts: [...files.accounts, '9,1,monthly,2024-01-01'],
    transactions: [...files.transactions, '999,1,2024-01-01,credit,cash,0.01,5.00,,,'],
  };
  const { code, out } = await run('verify', '--dir', importFolderOf(longer), '--tenant', 'differs');
  expect(code).toBe(1);
  expect(out).toMatch(/^1 +balance +-?\d+\.\d\d +-?\d+\.\d\d$/m);
  expect(out).toMatch(/^1 +statement lines +\d+ +\d+$/m);
  expect(out).toMatch(/^9 +balance +0\.00 +missing$/m);
  expect(out).toContain('4 accounts compared, 2 exact');
  expect(out).toMatch(/differs from the running sum in 1 of 21 rows; by .* account 1, transaction 999/);
});

it('replay lists projections, rebuilds one, and ends with 1 when the rows were not right', async () => {
  await run('import', '--dir', importFolderOf(generateFiles({ accounts: 3, transactions: 20 })), '--tenant', 'replay');
  expect((await run('replay')).out).toContain('ledger.statement');
  const replay = (): ReturnType<typeof run> => run('replay', '--projection', 'ledger.accounts', '--tenant', 'replay');
  expect(await replay()).toMatchObject({ code: 0, out: expect.stringMatching(/23 events replayed[\s\S]*\nequal/) });
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(`UPDATE bank.accounts SET balance = 1 WHERE tenant_id = 'replay'`);
  await client.end();
  expect(await replay()).toMatchObject({ code: 1, out: expect.stringContaining('\ndifferent') });
  expect((await replay()).code).toBe(0);
});

it('replay --dry-run tells what a rebuild would change, ends with 1 when anything would, and changes nothing', async () => {
  await run('import', '--dir', importFolderOf(generateFiles({ accounts: 3, transactions: 20 })), '--tenant', 'dry');
  const dry = (...args: string[]): ReturnType<typeof run> =>
    run('replay', '--projection', 'ledger.accounts', '--tenant', 'dry', '--dry-run', ...args);
  expect(await dry()).toMatchObject({
    code: 0,
    out: expect.stringMatching(/23 events[^]+bank\.accounts +3 +3 +0 +0 +0\nequal/),
  });
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const rows = async (): Promise<object[]> =>
    (await client.query<object>(`select * from bank.accounts where tenant_id = 'dry' order by account_id`)).rows;
  await client.query(`update bank.accounts set balance = 1 where tenant_id = 'dry' and account_id = '1'`);
  await client.query(`delete from bank.accounts where tenant_id = 'dry' and account_id = '2'`);
  const before = await rows();
  const { code, out } = await dry();
  expect(code).toBe(1);
  expect(out).toMatch(/bank\.accounts +2 +3 +1 +0 +1\n/);
  expect(out).toMatch(/^1 +changed +balance +1 +-?\d+$/m);
  expect(out).toMatch(/^2 +added$/m);
  expect(await dry('--show', '0')).toMatchObject({ code: 1, out: expect.stringContaining('... and 2 more rows') });
  const line = JSON.parse((await dry('--json')).out) as object;
  expect(line).toMatchObject({ equal: false, tables: [{ added: 1, changed: 1, columns: { balance: 1 } }] });
  expect(await rows()).toEqual(before);
  await client.end();
});

it('Ctrl-C stops between two rows, and the next run goes on', async () => {
  const folder = importFolderOf(generateFiles({ accounts: 20, transactions: 1500 }));
  const first = startTool('import', database.url, '--dir', folder, '--tenant', 'stopped');
  await new Promise<void>((resolve) =>
    first.process.stderr?.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('rows/s')) resolve();
    }),
  );
  first.process.kill('SIGINT');
  expect(await first.ended).toMatchObject({
    code: 130,
    out: expect.stringContaining('Run the same command again: it goes on from there'),
  });
  const second = await run('import', '--dir', folder, '--tenant', 'stopped');
  expect(second).toMatchObject({ code: 0, out: expect.stringMatching(/transactions\.csv +\d+ +[1-9]\d* +0/) });
  expect((await run('verify', '--dir', folder, '--tenant', 'stopped')).code).toBe(0);
});

it('an app on the same database may project at the same time', async () => {
  const folder = importFolderOf(generateFiles({ accounts: 10, transactions: 300 }));
  const app = startFile('test/fixtures/import/projecting-app.ts', database.url);
  await sleep(1000);
  expect((await run('import', '--dir', folder, '--tenant', 'beside')).code).toBe(0);
  expect(app.process.exitCode).toBeNull();
  app.process.kill();
  expect(await app.ended).toMatchObject({ err: '' });
  expect((await run('verify', '--dir', folder, '--tenant', 'beside')).code).toBe(0);
});
