// One tenant never sees, changes or hears of what is another's.
import { type BankUnderTest, call, expectProblem, startBank } from './bank-under-test.js';

const A = { tenant: 'tenant-a' };
const B = { tenant: 'tenant-b' };

describe('tenants', () => {
  let bank: BankUnderTest;
  beforeAll(async () => {
    bank = await startBank();
    await bank.district('tenant-a', 1, 'Prague');
    await bank.open('mine', '700.00', {}, A);
  });
  afterAll(() => bank.close());

  it('are named by every request', async () => {
    for (const path of ['/v1/accounts', '/v1/accounts/mine', '/v1/regions', '/v1/accounts/mine/events']) {
      expectProblem(await bank.get(path, { tenant: '' }), 400, 'tenant-missing');
    }
    expectProblem(await bank.post('/v1/accounts', { amount: '1.00' }, { tenant: '' }), 400, 'tenant-missing');
    const { status, body } = await bank.graphql('{ regions { region } }', { tenant: '' });
    expect([status, body.errors[0].extensions]).toEqual([
      400,
      { type: 'urn:concord:problem:tenant-missing', title: expect.any(String), status: 400 },
    ]);
  });

  it.each(['-a', 'a b', 'a/b', 'x'.repeat(65), '.', 'a,b'])('are not called %s', async (tenant) => {
    expectProblem(await bank.get('/v1/regions', { tenant }), 400, 'tenant-malformed');
    const { status, body } = await bank.graphql('{ regions { region } }', { tenant });
    expect([status, body.errors[0].extensions.type]).toEqual([400, 'urn:concord:problem:tenant-malformed']);
  });

  it('do not read what is another tenant’s', async () => {
    expect((await bank.get('/v1/accounts/mine', A)).body.balance).toBe('700.00');
    for (const path of ['', '/statement', '/events', '?asOf=0']) {
      expectProblem(await bank.get(`/v1/accounts/mine${path}`, B), 404, 'not-found');
    }
    expect((await bank.get('/v1/accounts', B)).body).toEqual({ items: [], next: null, previous: null });
    expect((await bank.get('/v1/regions', B)).body).toEqual([]);
    const query = '{ account(id: "mine") { balance } }';
    const { body } = await bank.graphql(query, B);
    expect([body.data, body.errors[0].extensions.status]).toEqual([{ account: null }, 404]);
  });

  it('do not change what is another tenant’s', async () => {
    const refused = await bank.post('/v1/accounts/mine/withdrawals', { amount: '1.00' }, B);
    expectProblem(refused, 404, 'invariant-broken');
    // The same ids and keys are free to each of them.
    const headers = { 'idempotency-key': 'one' };
    const opened = await bank.open('mine', '5.00', { currency: 'EUR' }, { ...B, headers });
    expect(opened.status).toBe(201);
    expect((await bank.open('another', '1.00', {}, { ...A, headers })).status).toBe(201);
    expect((await bank.get('/v1/accounts/mine', A)).body).toMatchObject({ balance: '700.00', currency: 'CZK' });
    expect((await bank.get('/v1/accounts/mine', B)).body).toMatchObject({ balance: '5.00', currency: 'EUR' });
    const { position } = opened.body;
    const regions = await bank.get(`/v1/regions?after=${position}`, B);
    expect(regions.body).toEqual([expect.objectContaining({ region: null, currency: 'EUR', balance: '5.00' })]);
  });

  it('may call at the same time', async () => {
    const tenants = Array.from({ length: 10 }, (_, index) => `many-${index}`);
    await Promise.all(tenants.map((tenant, index) => bank.open('same', `${index + 1}.00`, {}, { tenant })));
    const reads = tenants.flatMap((tenant) => [
      bank.get('/v1/accounts/same', { tenant }).then((answer) => answer.body.balance),
      bank
        .graphql('{ account(id: "same") { balance } accounts { items { balance } } }', { tenant })
        .then(({ body: { data } }) => `${data.account.balance} ${data.accounts.items[0].balance}`),
    ]);
    expect(await Promise.all(reads)).toEqual(
      tenants.flatMap((_, index) => [`${index + 1}.00`, `${index + 1}.00 ${index + 1}.00`]),
    );
  });

  it('are not needed for health and documentation', async () => {
    for (const path of ['/health/live', '/health/ready', '/docs-json']) {
      expect((await call('GET', bank.url + path, { tenant: '' })).status).toBe(200);
    }
  });
});
