// A process that is told to stop finishes what is under way, within a bound, and lets go of everything.
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { call } from './bank-under-test.js';
import { openSocket } from './graphql-socket.js';

const MAIN = fileURLToPath(new URL('../../apps/bank/src/main.ts', import.meta.url));
const LOADER = new URL('../load-typescript.js', import.meta.url).href;

interface Process {
  readonly child: ChildProcess;
  readonly url: string;
  readonly output: () => string;
}

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

  const start = async (environment: NodeJS.ProcessEnv = {}): Promise<Process> => {
    const { NODE_OPTIONS: _options, ...inherited } = process.env;
    const env = { ...inherited, DATABASE_URL: database.url, PORT: '0', ...environment };
    const child = fork(MAIN, { execArgv: ['--import', LOADER], env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    children.push(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream!.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const deadline = Date.now() + 30_000;
    while (!output.includes('Try:') && child.exitCode === null && Date.now() < deadline) await sleep(20);
    return { child, url: /listens on (\S+?)\.? /.exec(output)?.[1] ?? '', output: () => output };
  };
  const stop = async ({ child }: Process, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> => {
    child.kill(signal);
    if (child.exitCode === null) await once(child, 'exit');
    return child.exitCode;
  };
  const open = (url: string, accountId: string) =>
    call('POST', `${url}/v1/accounts`, { tenant: 'demo', body: { accountId, districtId: 1, currency: 'CZK' } });

  it('finishes a write that is under way, takes no new ones, and logs it with its tenant and conversation', async () => {
    const bank = await start();
    await open(bank.url, 'z-1');
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query('begin');
    await client.query(`select concord.lock_streams('demo', array['account-z-1'])`);
    const asking = { tenant: 'demo', headers: { 'x-correlation-id': 'under-way' }, body: { amount: '7.00' } };
    const deposit = call('POST', `${bank.url}/v1/accounts/z-1/deposits`, asking);
    await sleep(300);
    const stopped = stop(bank);
    await sleep(300);
    await expect(call('GET', `${bank.url}/health/live`)).rejects.toThrow();
    await client.query('commit');
    const answer = await deposit;
    expect([answer.status, answer.body.revision]).toEqual([201, 1]);
    expect(await stopped).toBe(0);
    const lines = bank.output().split('\n');
    expect(JSON.parse(lines.find((line) => line.includes('under-way'))!)).toMatchObject({
      tenantId: 'demo',
      correlationId: 'under-way',
      method: 'POST',
      path: '/v1/accounts/z-1/deposits',
      status: 201,
    });
    const { rows } = await client.query(`select count(*)::int as open from pg_stat_activity
      where datname = current_database() and application_name = 'concord'`);
    expect(rows).toEqual([{ open: 0 }]);
    await client.end();
  });

  it('is not held up by a subscription, nor by a reader that waits', async () => {
    const bank = await start({ READ_WAIT_MS: '1500' });
    const socket = await openSocket(bank.url, { payload: { 'X-Tenant-Id': 'demo' } });
    socket.subscribe('1', 'subscription { accountEvents(accountId: "z-2") { revision } }');
    const waiting = call('GET', `${bank.url}/v1/regions?after=999999`, { tenant: 'demo' });
    await sleep(300);
    const started = Date.now();
    expect(await stop(bank, 'SIGINT')).toBe(0);
    expect(await socket.closed).toBe(1001);
    expect((await waiting).status).toBe(504);
    expect(Date.now() - started).toBeLessThan(4_000);
  });

  it('cuts off what does not end within the bound', async () => {
    const bank = await start({ READ_WAIT_MS: '60000', SHUTDOWN_MS: '500' });
    const waiting = call('GET', `${bank.url}/v1/regions?after=999999`, { tenant: 'demo' });
    const cut = expect(waiting).rejects.toThrow();
    await sleep(300);
    const started = Date.now();
    expect(await stop(bank)).toBe(0);
    await cut;
    expect(Date.now() - started).toBeLessThan(4_000);
  });

  it('says in one line that a setting is wrong', async () => {
    const bank = await start({ PORT: 'eighty' });
    expect(bank.child.exitCode).toBe(1);
    expect(bank.output().trim()).toMatch(/^The bank did not start: PORT="eighty" is no whole number[^\n]*$/);
  });

  it('says what to try when it has started, and in one line that its port is in use when it has not', async () => {
    const empty = await createTestDatabase();
    const bank = await start({ CONCORD_SAMPLE: 'on', DATABASE_URL: empty.url });
    const commands = bank.output().match(/^ {2}curl .*$/gm) ?? [];
    expect(commands.length).toBeGreaterThanOrEqual(6);
    // The last one first: each works on its own.
    for (const command of commands.reverse()) {
      const answer = execFileSync('sh', ['-c', `${command} -w '\\n%{http_code}'`], { encoding: 'utf8' });
      expect([command, answer]).toEqual([command, expect.stringMatching(/\n20[01]$/)]);
      expect(answer).not.toContain('"errors"');
    }

    const { port } = new URL(bank.url);
    const second = await start({ PORT: port });
    if (second.child.exitCode === null) await once(second.child, 'exit');
    expect(second.child.exitCode).toBe(1);
    expect(second.output()).toContain(`The bank did not start: port ${port} is in use`);
    expect(second.output()).not.toContain('"level":50');
    await stop(bank);
    await empty.drop();
  });
});
