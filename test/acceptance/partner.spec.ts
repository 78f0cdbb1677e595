// Payments to another bank, a service of its own over HTTP: debited here and credited there, or nothing is done.
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { createPartner } from '../../apps/partner/src/create-app.js';
import { PartnerSettings } from '../../apps/partner/src/settings.js';
import { freePort } from '../fixtures/free-port.js';
import { type BankUnderTest, call, expectProblem, startBank } from './bank-under-test.js';

const SECRET = 'a secret of the acceptance tests, long enough';

let database: TestDatabase;
let port: number;
let partner: NestFastifyApplication;
let bank: BankUnderTest;

async function startPartner(): Promise<NestFastifyApplication> {
  const environment = { PARTNER_DATABASE_URL: database.url, PARTNER_SECRET: SECRET, BANK_URL: 'http://127.0.0.1:9' };
  const app = await createPartner(new PartnerSettings(environment));
  await app.listen(port, '127.0.0.1');
  return app;
}

beforeAll(async () => {
  [database, port] = [await createTestDatabase(), await freePort()];
  partner = await startPartner();
  bank = await startBank({}, undefined, { partner: { url: `http://127.0.0.1:${port}`, secret: SECRET } });
  await bank.open('payer', '100.00');
  const opened = await call('POST', `http://127.0.0.1:${port}/accounts`, {
    body: { accountId: 'p-1', currency: 'CZK' },
  });
  expect(opened).toMatchObject({ status: 201, body: { accountId: 'p-1', currency: 'CZK', balance: '0.00' } });
});
afterAll(async () => {
  await bank.close();
  await partner.close();
  await database.drop();
});

const pay = (amount: string, more: object = {}, key?: string) =>
  bank.post(
    '/v1/partner-payments',
    { from: 'payer', partnerAccount: 'p-1', amount, ...more },
    key === undefined ? {} : { headers: { 'idempotency-key': key } },
  );

async function balances(): Promise<string[]> {
  const ours = await bank.get('/v1/accounts/payer');
  const theirs = await call('GET', `http://127.0.0.1:${port}/accounts/p-1`);
  return [ours.body.balance, theirs.body.balance];
}

it('is debited here and credited there, once for an Idempotency-Key', async () => {
  const paid = await pay('40.00', {}, 'payment-1');
  expect(paid.status).toBe(201);
  expect(paid.body).toEqual({
    paymentId: expect.any(String),
    accountId: 'payer',
    revision: 2,
    position: expect.stringMatching(/^\d+$/),
  });
  expect((await pay('40.00', {}, 'payment-1')).body).toEqual(paid.body);
  expect(await balances()).toEqual(['60.00', '40.00']);
});

it('changes nothing where the partner refuses, and says why', async () => {
  const refused = await pay('1.00', { partnerAccount: 'p-nobody' });
  expectProblem(refused, 409, 'transaction-aborted');
  expect(refused.body.detail).toContain('there is no such account at the partner bank');
  expectProblem(await pay('60.01'), 409, 'invariant-broken');
  expect(await balances()).toEqual(['60.00', '40.00']);
});

it('changes nothing while the partner is away, and works again when it is back', async () => {
  await partner.close();
  expectProblem(await pay('10.00', {}, 'payment-2'), 503, 'transaction-aborted');
  partner = await startPartner();
  expect(await balances()).toEqual(['60.00', '40.00']);
  expect((await pay('10.00', {}, 'payment-2')).status).toBe(201);
  expect(await balances()).toEqual(['50.00', '50.00']);
});

it('both sides believe only who has the secret', async () => {
  const body = { transaction: { id: 'f'.repeat(8), coordinator: 'bank' } };
  const headers = { 'content-type': 'application/vnd.concord.2pc+json' };
  for (const url of [`http://127.0.0.1:${port}/2pc/commit`, `${bank.url}/2pc/outcome`]) {
    const answer = await call('POST', url, { body, headers });
    expect([answer.status, answer.body.type]).toEqual([401, 'urn:concord:problem:not-signed']);
  }
});

it('a wrong setting stops the start, and is named', () => {
  expect(() => new PartnerSettings({})).toThrow(/PARTNER_SECRET/);
  expect(() => new PartnerSettings({ PARTNER_SECRET: SECRET, BANK_URL: 'bank' })).toThrow(/BANK_URL/);
  expect(() => new PartnerSettings({ PARTNER_SECRET: SECRET, PARTNER_PORT: 'x' })).toThrow(/PARTNER_PORT/);
});
