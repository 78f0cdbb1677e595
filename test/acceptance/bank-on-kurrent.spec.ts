// The bank, unchanged, with its events on KurrentDB (apps/eventstore): chosen by EVENTSTORE_URL and nothing else.
import { createTestDatabase } from '@concord/testing';
import { type RunningServer, startEventStoreServer } from '../../apps/eventstore/src/start-server.js';
import { until } from '../fixtures/group-member.js';
import { type BankUnderTest, expectProblem, startBank } from './bank-under-test.js';

let server: RunningServer;
let serve: (port: number) => Promise<void>;
let drop: () => Promise<void>;
let bank: BankUnderTest;

beforeAll(async () => {
  const database = await createTestDatabase();
  drop = database.drop;
  serve = async (port) => {
    const environment = { EVENTSTORE_PORT: port.toString(), LOG_LEVEL: 'silent' };
    server = await startEventStoreServer({ url: database.url, environment });
  };
  await serve(0);
  process.env['EVENTSTORE_URL'] = server.connectionString;
  bank = await startBank();
});
afterAll(async () => {
  delete process.env['EVENTSTORE_URL'];
  await bank.close();
  await server.close();
  await drop();
});

it('opens accounts, books, repeats by key and shows it at once', async () => {
  await bank.open('k-1', '100.00');
  const headers = { 'idempotency-key': 'one-deposit' };
  const deposit = () => bank.post('/v1/accounts/k-1/deposits', { amount: '5.00' }, { headers });
  const first = await deposit();
  expect(first.status).toBe(201);
  expect((await deposit()).body).toEqual(first.body);
  const other = await bank.post('/v1/accounts/k-1/deposits', { amount: '6.00' }, { headers });
  expectProblem(other, 422, 'command-id-reused');
  expect((await bank.get('/v1/accounts/k-1')).body).toMatchObject({ balance: '105.00', revision: 2 });
  const after = first.body.position as string;
  const statement = await bank.get(`/v1/accounts/k-1/statement?afterPosition=${after}`);
  expect(statement.body.items).toHaveLength(2);
  expect((await bank.get('/v1/accounts/k-1/events')).body.items).toHaveLength(3);
  expectProblem(await bank.post('/v1/accounts/k-1/withdrawals', { amount: '999.00' }), 409, 'invariant-broken');
});

it('refuses a transfer between two accounts, says why, and changes neither', async () => {
  await bank.open('k-2', '50.00');
  await bank.open('k-3', '50.00');
  const transfer = await bank.post('/v1/transfers', { from: 'k-2', to: 'k-3', amount: '10.00' });
  expectProblem(transfer, 501, 'not-supported-by-store');
  expect(transfer.body.detail).toMatch(/one stream/);
  for (const id of ['k-2', 'k-3']) {
    expect((await bank.get(`/v1/accounts/${id}`)).body).toMatchObject({ balance: '50.00', revision: 1 });
  }
});

it('refuses to pay out loans, says why, and changes nothing', async () => {
  const terms = { accountId: 'k-1', fundingAccountId: 'k-2', clearingAccountId: 'k-3', amount: '1.00' };
  expectProblem(await bank.post('/v1/loans', { loanId: 'l-1', ...terms }), 501, 'not-supported-by-store');
  expectProblem(await bank.get('/v1/loans/l-1'), 404, 'not-found');
});

it('is ready', async () => {
  const ready = await bank.get('/health/ready');
  expect(ready.status).toBe(200);
  expect(ready.body.details.eventStore).toEqual({ status: 'up', state: 'answers' });
});

it('answers 503 while the event store is away, is not ready and says why, and is ready again', async () => {
  await server.close();
  const begun = Date.now();
  const gone = await Promise.all(Array.from({ length: 5 }, () => bank.get('/health/ready')));
  // It waits for two seconds; a store that is away would be asked for 15.
  expect(Date.now() - begun).toBeLessThan(10_000);
  for (const answer of gone) {
    expectProblem(answer, 503, 'not-ready');
    expect(answer.body.detail).toBe('not ready: eventStore');
    expect(answer.body.checks.eventStore).toEqual({ status: 'down', state: 'no-answer' });
    expect(answer.body.checks.database.status).toBe('up');
  }
  const deposit = await bank.post('/v1/accounts/k-1/deposits', { amount: '1.00' });
  expectProblem(deposit, 503, 'store-unavailable');
  expect((await bank.get('/health/live')).status).toBe(200);

  await serve(server.port);
  await until('ready', async () => (await bank.get('/health/ready')).status === 200);
});
