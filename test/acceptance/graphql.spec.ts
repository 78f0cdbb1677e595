import { getIntrospectionQuery } from 'graphql';
import { type BankUnderTest, call, startBank, type Json } from './bank-under-test.js';

describe('the bank over GraphQL', () => {
  let bank: BankUnderTest;
  beforeAll(async () => {
    bank = await startBank();
    await bank.district('t1', 1, 'Prague');
  });
  afterAll(() => bank.close());

  it('changes what REST changes, and answers the same', async () => {
    const mutation = `mutation {
      openAccount(accountId: "g-1", districtId: 1, currency: "CZK", overdraftLimit: "5.00") { accountId revision position }
      other: openAccount(accountId: "g-2", districtId: 1, currency: "CZK") { revision }
      deposit(accountId: "g-1", amount: "10.00", reference: "gift", occurredOn: "2024-02-29") { revision }
      withdraw(accountId: "g-1", amount: "4.00") { revision }
      transfer(from: "g-1", to: "g-2", amount: "6.00") { accountId revision position transferId to { accountId revision } }
      changeOverdraftLimit(accountId: "g-1", overdraftLimit: "0.00") { revision }
      closeAccount(accountId: "g-1") { accountId revision position }
    }`;
    const { status, body } = await bank.graphql(mutation);
    const position = expect.stringMatching(/^\d+$/);
    expect([status, body]).toEqual([
      200,
      {
        data: {
          openAccount: { accountId: 'g-1', revision: 0, position },
          other: { revision: 0 },
          deposit: { revision: 1 },
          withdraw: { revision: 2 },
          transfer: {
            accountId: 'g-1',
            revision: 3,
            position,
            transferId: expect.any(String),
            to: { accountId: 'g-2', revision: 1 },
          },
          changeOverdraftLimit: { revision: 4 },
          closeAccount: { accountId: 'g-1', revision: 5, position },
        },
        extensions: { concord: { position } },
      },
    ]);
  });

  it('shows what REST shows', async () => {
    const written = await bank.open('g-3', '10.00');
    const { position } = written.body;
    const query = `query ($id: ID!, $seen: String) {
      account(id: $id) { accountId balance currency overdraftLimit districtId region status revision }
      then: account(id: $id, asOf: "0") { accountId balance currency overdraftLimit districtId region status revision }
      accounts(region: "Prague", limit: 1, sort: "-accountId") { items { accountId region } next previous }
      statement(accountId: $id, from: "2020-01-01", afterPosition: $seen) {
        items { revision kind amount change balance occurredOn counterparty reference } next
      }
      regions(after: $seen) {
        region currency accounts balance paidIn paidOut
        districts { districtId name accounts balance paidIn paidOut }
      }
      accountEvents(accountId: $id, limit: 1, after: "0") {
        items { eventId type revision position recordedAt data correlationId causationId } next
      }
    }`;
    const { body } = await bank.graphql(query, { variables: { id: 'g-3', seen: position } });
    const rest = async (path: string): Promise<Json> => (await bank.get(path)).body;
    expect(body.errors).toBeUndefined();
    expect(body.data).toEqual({
      account: await rest('/v1/accounts/g-3'),
      then: await rest('/v1/accounts/g-3?asOf=0'),
      accounts: { items: [{ accountId: 'g-3', region: 'Prague' }], next: expect.any(String), previous: null },
      statement: await rest('/v1/accounts/g-3/statement?from=2020-01-01'),
      regions: await rest('/v1/regions'),
      accountEvents: await rest('/v1/accounts/g-3/events?limit=1&after=0'),
    });
  });

  it('refuses what REST refuses, field by field', async () => {
    const mutation = 'mutation { openAccount(accountId: "a b", districtId: 0, currency: "x") { revision } }';
    const { status, body } = await bank.graphql(mutation);
    expect(status).toBe(200);
    const { errors, ...extensions } = body.errors[0].extensions;
    expect(extensions).toEqual({ type: 'urn:concord:problem:invalid-input', title: expect.any(String), status: 400 });
    expect(errors.map((error: Json) => error.field).sort()).toEqual(['accountId', 'currency', 'districtId']);
  });

  it('loses nothing else when one thing is not there', async () => {
    const { body } = await bank.graphql('{ account(id: "nobody") { balance } accounts { items { accountId } } }');
    expect(body.data.account).toBeNull();
    expect(body.data.accounts.items.length).toBeGreaterThan(0);
    expect(body.errors).toEqual([expect.objectContaining({ path: ['account'] })]);
    expect(body.errors[0].extensions).toMatchObject({ type: 'urn:concord:problem:not-found', status: 404 });
  });

  it.each([
    ['that is no GraphQL', '{'],
    ['for what is not in the schema', '{ secrets }'],
    ['without a field', 'query { account }'],
    ['that is too long', `{ ${Array.from({ length: 300 }, (_, index) => `a${index}: regions { region }`).join(' ')} }`],
    ['that is too deep', `{ __schema { types { ${'ofType { '.repeat(1)}name ${'} '.repeat(1)}${deep(20)} } } }`],
  ])('a query %s is refused', async (_, query) => {
    const { status, body } = await bank.graphql(query);
    expect(status).toBe(400);
    expect(body.data).toBeNull();
    for (const { extensions } of body.errors) {
      expect(extensions).toEqual({ type: 'urn:concord:problem:bad-query', title: expect.any(String), status: 400 });
    }
  });

  it('tells its schema, also to the page for people', async () => {
    const { status, body } = await bank.graphql(getIntrospectionQuery(), { tenant: '' });
    expect([status, body.errors]).toEqual([200, undefined]);
    const page = await call('GET', `${bank.url}/graphiql`, { tenant: '' });
    expect([page.status, page.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/html')]);
  });

  it('shows no page for people in production', async () => {
    const production = await startBank({ NODE_ENV: 'production' });
    try {
      expect((await call('GET', `${production.url}/graphiql`)).status).toBe(404);
    } finally {
      await production.close();
    }
  });

  it('changes nothing on GET', async () => {
    const mutation = encodeURIComponent('mutation { openAccount(districtId: 1, currency: "CZK") { revision } }');
    expect((await bank.get(`/graphql?query=${mutation}`)).status).toBe(405);
    const query = encodeURIComponent('{ regions { region } }');
    expect((await bank.get(`/graphql?query=${query}`)).status).toBe(200);
  });

  it('keeps the correlation id with the events', async () => {
    await bank.open('g-4', '0.00', {}, { headers: { 'x-correlation-id': 'rest-1' } });
    const headers = { 'x-correlation-id': 'graphql-1' };
    const deposit = await bank.graphql('mutation { deposit(accountId: "g-4", amount: "1.00") { revision } }', {
      headers,
    });
    expect(deposit.headers.get('x-correlation-id')).toBe('graphql-1');
    const { body } = await bank.get('/v1/accounts/g-4/events');
    expect(body.items.map((item: Json) => item.correlationId)).toEqual(['rest-1', 'graphql-1']);
  });
});

function deep(levels: number): string {
  return `fields { type { ${'ofType { '.repeat(levels)}name${' }'.repeat(levels)} } }`;
}
