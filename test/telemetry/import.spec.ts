// The command of docs/how-to/observe.md: an SDK that is started by --import, before the bank, which knows nothing of it.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { call } from '../acceptance/bank-under-test.js';
import { until } from '../fixtures/group-member.js';
import { ended } from '../fixtures/process-under-test.js';

const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const TRACE = '0af7651916cd43dd8448eb211c80319c';

let database: TestDatabase;
let bank: ChildProcess | undefined;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  bank?.kill('SIGTERM');
  if (bank) await ended(bank);
  await database.drop();
});

it('an SDK started before the bank gets its traces and its metrics', async () => {
  const { NODE_OPTIONS: _options, ...inherited } = process.env;
  const env = { ...inherited, DATABASE_URL: database.url, PORT: '0', OTEL_METRIC_EXPORT_INTERVAL: '500' };
  const execArgv = ['../load-typescript.js', './otel.mjs'].flatMap((file) => ['--import', path(file)]);
  bank = fork(path('../../apps/bank/src/main.ts'), { execArgv, env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  let output = '';
  for (const stream of [bank.stdout, bank.stderr]) stream!.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await until('it listens', () => /Try:/.test(output));
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(output)![0];
  const body = { accountId: 'a-1', districtId: 1, currency: 'CZK' };
  await call('POST', `${url}/v1/accounts`, { body, headers: { traceparent: `00-${TRACE}-b7ad6b7169203331-01` } });
  for (const name of ['POST /v1/accounts', 'execute OpenAccount', 'append account']) {
    await until(name, () => new RegExp(`traceId: '${TRACE}'[^]*?name: '${name}'`).test(output));
  }
  await until('metrics', () => output.includes('concord.command.duration') && output.includes('concord.feed.lag'));
});
