import { type BankUnderTest, expectProblem, startBank, type Json } from './bank-under-test.js';

describe('the bank over REST', () => {
  let bank: BankUnderTest;
  beforeAll(async () => {
    bank = await startBank();
  });
  afterAll(() => bank.close());

  it('opens an account, under an id of the caller or one of its own', async () => {
    const opened = await bank.post('/v1/accounts', { accountId: 'r-1', districtId: 18, currency: 'CZK' });
    expect(opened.status).toBe(201);
    expect(opened.body).toEqual({ accountId: 'r-1', revision: 0, position: expect.stringMatching(/^\d+$/) });
    expect(opened.headers.get('location')).toBe('/v1/accounts/r-1');
    expect(opened.headers.get('x-concord-position')).toBe(opened.body.position);

    const made = await bank.post('/v1/accounts', { districtId: 18, currency: 'CZK', overdraftLimit: '5.00' });
    expect(made.status).toBe(201);
    const location = made.headers.get('location')!;
    expect((await bank.get(location)).body).toEqual({
      accountId: made.body.accountId,
      balance: '0.00',
      currency: 'CZK',
      overdraftLimit: '5.00',
      districtId: 18,
      region: null,
      status: 'open',
      revision: 0,
    });
  });

  it('deposits, withdraws, changes the overdraft limit and closes', async () => {
    await bank.open('r-2');
    const rent = { amount: '700.00', reference: 'rent', occurredOn: '2024-02-29' };
    const deposited = await bank.post('/v1/accounts/r-2/deposits', rent);
    expect([deposited.status, deposited.body.revision]).toEqual([201, 1]);
    const withdrawn = await bank.post('/v1/accounts/r-2/withdrawals', { amount: '700.00' });
    expect([withdrawn.status, withdrawn.body.revision]).toEqual([201, 2]);
    expect(BigInt(withdrawn.body.position)).toBeGreaterThan(BigInt(deposited.body.position));
    const limited = await bank.put('/v1/accounts/r-2/overdraft-limit', { overdraftLimit: '100.00' });
    expect([limited.status, limited.body.revision]).toEqual([200, 3]);
    const again = await bank.put('/v1/accounts/r-2/overdraft-limit', { overdraftLimit: '100.00' });
    expect([again.status, again.body]).toEqual([200, limited.body]);
    const closed = await bank.post('/v1/accounts/r-2/close');
    expect([closed.status, closed.body.revision]).toEqual([200, 4]);
    expect((await bank.get('/v1/accounts/r-2')).body).toMatchObject({ status: 'closed', balance: '0.00', revision: 4 });
  });

  it('transfers, and answers for both accounts', async () => {
    await bank.open('r-3', '100.00');
    await bank.open('r-4');
    const moved = await bank.post('/v1/transfers', { from: 'r-3', to: 'r-4', amount: '30.00', reference: 'thanks' });
    expect(moved.status).toBe(201);
    expect(moved.body).toEqual({
      accountId: 'r-3',
      revision: 2,
      position: expect.stringMatching(/^\d+$/),
      transferId: expect.any(String),
      to: { accountId: 'r-4', revision: 1 },
    });
    const statement = await bank.get(`/v1/accounts/r-4/statement?afterPosition=${moved.body.position}`);
    expect(statement.body.items).toEqual([
      {
        revision: 1,
        kind: 'transfer-in',
        amount: '30.00',
        change: '30.00',
        balance: '30.00',
        occurredOn: new Date().toISOString().slice(0, 10),
        counterparty: 'r-3',
        reference: 'thanks',
      },
    ]);
  });

  it('lists accounts page by page, in a region or in all', async () => {
    const asking = { tenant: 'pages' };
    await bank.district('pages', 1, 'Prague');
    await bank.district('pages', 2, 'Brno');
    for (const [index, id] of ['p-1', 'p-2', 'p-3', 'p-4', 'p-5'].entries()) {
      await bank.open(id, '0.00', { districtId: (index % 2) + 1 }, asking);
    }
    const ids = (answer: { body: Json }): string[] => answer.body.items.map((item: Json) => item.accountId);
    const first = await bank.get('/v1/accounts?limit=2', asking);
    expect([ids(first), first.body.previous]).toEqual([['p-1', 'p-2'], null]);
    const second = await bank.get(`/v1/accounts?limit=3&after=${first.body.next}`, asking);
    expect([ids(second), second.body.next]).toEqual([['p-3', 'p-4', 'p-5'], null]);
    expect((await bank.get(`/v1/accounts?limit=2&before=${second.body.previous}`, asking)).body.items).toEqual(
      first.body.items,
    );
    const dear = await bank.get('/v1/accounts?limit=2&sort=-balance', asking);
    expect(ids(dear)).toEqual(['p-5', 'p-4']);
    expect(ids(await bank.get(`/v1/accounts?sort=-balance&after=${dear.body.next}`, asking))).toEqual([
      'p-3',
      'p-2',
      'p-1',
    ]);
    const altered = dear.body.next.replace(/^./, (letter: string) => (letter === 'A' ? 'B' : 'A'));
    for (const [path, reason] of [
      [`sort=balance&after=${dear.body.next}`, 'another-ordering'],
      [`sort=-balance&after=${altered}`, 'forged'],
      ['after=p-2', 'malformed'],
    ] as const) {
      const refused = await bank.get(`/v1/accounts?${path}`, asking);
      expectProblem(refused, 400, 'cursor-invalid');
      expect(refused.body).toMatchObject({ reason, detail: expect.stringMatching(/begin without one/) });
    }
    const brno = await bank.get('/v1/accounts?region=Brno', asking);
    expect([ids(brno), brno.body.next]).toEqual([['p-2', 'p-4'], null]);
    expect(brno.body.items[0].region).toBe('Brno');
    expect((await bank.get('/v1/accounts?region=Nowhere', asking)).body).toEqual({
      items: [],
      next: null,
      previous: null,
    });
  });

  it('pages through a statement, within days', async () => {
    await bank.open('r-5');
    for (const day of ['2024-01-01', '2024-01-02', '2024-01-03', '2024-01-04']) {
      await bank.post('/v1/accounts/r-5/deposits', { amount: '1.00', occurredOn: day });
    }
    const last = await bank.post('/v1/accounts/r-5/withdrawals', { amount: '2.50', occurredOn: '2024-01-05' });
    const read = (query: string) =>
      bank.get(`/v1/accounts/r-5/statement?${query}`, { headers: { 'x-concord-position': last.body.position } });
    const days = (answer: { body: Json }): string[] => answer.body.items.map((item: Json) => item.occurredOn.slice(-2));
    const first = await read('from=2024-01-02&limit=2');
    expect([days(first), first.body.next]).toEqual([['02', '03'], '3']);
    const rest = await read('from=2024-01-02&limit=2&after=3');
    expect([days(rest), rest.body.next]).toEqual([['04', '05'], null]);
    expect(rest.body.items[1]).toMatchObject({ kind: 'withdrawal', amount: '2.50', change: '-2.50', balance: '1.50' });
    expect(days(await read('to=2024-01-02'))).toEqual(['01', '02']);
  });

  it('totals by region', async () => {
    const asking = { tenant: 'totals' };
    await bank.district('totals', 1, 'Prague');
    await bank.open('x-1', '10.00', {}, asking);
    const { position } = (await bank.open('x-2', '5.00', {}, asking)).body;
    const regions = await bank.get(`/v1/regions?after=${position}`, asking);
    const sums = { accounts: 2, balance: '15.00', paidIn: '15.00', paidOut: '0.00' };
    expect(regions.body).toEqual([
      { region: 'Prague', currency: 'CZK', ...sums, districts: [{ districtId: 1, name: 'district 1', ...sums }] },
    ]);
  });

  it('tells what happened to an account, page by page', async () => {
    const headers = { 'x-correlation-id': 'the-story' };
    await bank.open('r-6', '1.00', {}, { headers });
    const all = await bank.get('/v1/accounts/r-6/events');
    expect(all.body).toEqual({
      items: [
        expect.objectContaining({ type: 'AccountOpened', revision: 0, correlationId: 'the-story' }),
        {
          eventId: expect.any(String),
          type: 'MoneyDeposited',
          revision: 1,
          position: expect.stringMatching(/^\d+$/),
          recordedAt: expect.stringMatching(/^\d{4}-.*Z$/),
          data: { amount: '1.00', balance: '1.00', occurredOn: expect.any(String) },
          correlationId: 'the-story',
          causationId: expect.any(String),
        },
      ],
      next: null,
    });
    const first = await bank.get('/v1/accounts/r-6/events?limit=1');
    expect(first.body.next).toBe('0');
    const second = await bank.get('/v1/accounts/r-6/events?limit=1&after=0');
    expect([second.body.items[0].revision, second.body.next]).toEqual([1, null]);
    expect((await bank.get('/v1/accounts/r-6/events?after=1')).body).toEqual({ items: [], next: null });
    expectProblem(await bank.get('/v1/accounts/nobody/events'), 404, 'not-found');
  });

  it('shows an account as it was, by revision and by time', async () => {
    await bank.open('r-7', '10.00');
    const events = await bank.get('/v1/accounts/r-7/events');
    const [opened, deposited] = events.body.items.map((event: Json) => Date.parse(event.recordedAt));
    await bank.post('/v1/accounts/r-7/withdrawals', { amount: '4.00' });
    const asOf = (value: string) => bank.get(`/v1/accounts/r-7?asOf=${encodeURIComponent(value)}`);
    const iso = (time: number): string => new Date(time).toISOString();

    expect((await asOf('0')).body).toMatchObject({ balance: '0.00', revision: 0, status: 'open' });
    expect((await asOf('1')).body).toMatchObject({ balance: '10.00', revision: 1 });
    expect((await asOf('2')).body).toEqual((await bank.get('/v1/accounts/r-7')).body);
    expect((await asOf(iso(deposited))).body).toMatchObject({ balance: '10.00', revision: 1 });
    expect((await asOf(iso(Date.now() + 60_000))).body).toMatchObject({ balance: '6.00', revision: 2 });
    expectProblem(await asOf(iso(opened - 1)), 404, 'not-found');
    expectProblem(await asOf('3'), 404, 'not-found');
    expectProblem(await bank.get('/v1/accounts/nobody?asOf=0'), 404, 'not-found');
  });

  it('echoes a correlation id, and makes one when there is none or a strange one', async () => {
    const given = await bank.get('/v1/regions', { headers: { 'x-correlation-id': 'abc-123' } });
    expect(given.headers.get('x-correlation-id')).toBe('abc-123');
    for (const strange of ['with space', 'x'.repeat(129)]) {
      const made = await bank.get('/v1/regions', { headers: { 'x-correlation-id': strange } });
      expect(made.headers.get('x-correlation-id')).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('describes itself at /docs', async () => {
    const page = await bank.get('/docs', { tenant: '' });
    expect([page.status, page.body]).toEqual([200, expect.stringContaining('swagger-ui')]);
    const { body } = await bank.get('/docs-json', { tenant: '' });
    expect(Object.keys(body.paths).sort()).toEqual([
      '/health/live',
      '/health/ready',
      '/v1/accounts',
      '/v1/accounts/{accountId}',
      '/v1/accounts/{accountId}/close',
      '/v1/accounts/{accountId}/deposits',
      '/v1/accounts/{accountId}/events',
      '/v1/accounts/{accountId}/overdraft-limit',
      '/v1/accounts/{accountId}/statement',
      '/v1/accounts/{accountId}/withdrawals',
      '/v1/branch/accounts',
      '/v1/branch/accounts/{accountId}',
      '/v1/branch/transfers',
      '/v1/loans',
      '/v1/loans/{loanId}',
      '/v1/partner-payments',
      '/v1/regions',
      '/v1/transfers',
    ]);
    expect(body.components.schemas.BookingInput.required).toEqual(['amount']);
    expect(body.components.schemas.Problem).toBeDefined();
    expect(body.paths['/v1/accounts'].get.parameters.map((one: Json) => one.name)).toEqual(
      expect.arrayContaining(['X-Tenant-Id', 'X-Concord-Position', 'region', 'limit', 'after', 'afterPosition']),
    );
  });
});
