// Every named rule of the ledger, broken once over REST and once over GraphQL.
import { type BankUnderTest, expectProblem, startBank } from './bank-under-test.js';

interface Case {
  readonly invariant: string;
  readonly status: number;
  readonly rest: readonly ['POST' | 'PUT', string, unknown?];
  readonly graphql: string;
}

const OPEN = { districtId: 1, currency: 'CZK' };
const LARGEST = '999999999999999.99';

const cases: Case[] = [
  {
    invariant: 'account-opened-once',
    status: 409,
    rest: ['POST', '/v1/accounts', { accountId: 'poor', ...OPEN }],
    graphql: 'openAccount(accountId: "poor", districtId: 1, currency: "CZK")',
  },
  {
    invariant: 'overdraft-limit-not-negative',
    status: 422,
    rest: ['POST', '/v1/accounts', { accountId: 'new', ...OPEN, overdraftLimit: '-1.00' }],
    graphql: 'openAccount(accountId: "new", districtId: 1, currency: "CZK", overdraftLimit: "-1.00")',
  },
  ...['deposits', 'withdrawals'].map((route): Case => ({
    invariant: 'account-exists',
    status: 404,
    rest: ['POST', `/v1/accounts/nobody/${route}`, { amount: '1.00' }],
    graphql: `${route === 'deposits' ? 'deposit' : 'withdraw'}(accountId: "nobody", amount: "1.00")`,
  })),
  {
    invariant: 'account-exists',
    status: 404,
    rest: ['POST', '/v1/transfers', { from: 'rich', to: 'nobody', amount: '1.00' }],
    graphql: 'transfer(from: "rich", to: "nobody", amount: "1.00")',
  },
  {
    invariant: 'account-exists',
    status: 404,
    rest: ['PUT', '/v1/accounts/nobody/overdraft-limit', { overdraftLimit: '1.00' }],
    graphql: 'changeOverdraftLimit(accountId: "nobody", overdraftLimit: "1.00")',
  },
  {
    invariant: 'account-exists',
    status: 404,
    rest: ['POST', '/v1/accounts/nobody/close'],
    graphql: 'closeAccount(accountId: "nobody")',
  },
  {
    invariant: 'closed-account-refuses',
    status: 409,
    rest: ['POST', '/v1/accounts/closed/deposits', { amount: '1.00' }],
    graphql: 'deposit(accountId: "closed", amount: "1.00")',
  },
  {
    invariant: 'positive-amount',
    status: 422,
    rest: ['POST', '/v1/accounts/rich/deposits', { amount: '0.00' }],
    graphql: 'deposit(accountId: "rich", amount: "-1.00")',
  },
  {
    invariant: 'balance-within-overdraft-limit',
    status: 409,
    rest: ['POST', '/v1/accounts/poor/withdrawals', { amount: '10.01' }],
    graphql: 'withdraw(accountId: "poor", amount: "10.01")',
  },
  {
    invariant: 'no-transfer-to-itself',
    status: 422,
    rest: ['POST', '/v1/transfers', { from: 'rich', to: 'rich', amount: '1.00' }],
    graphql: 'transfer(from: "rich", to: "rich", amount: "1.00")',
  },
  {
    invariant: 'same-currency',
    status: 409,
    rest: ['POST', '/v1/transfers', { from: 'rich', to: 'euros', amount: '1.00' }],
    graphql: 'transfer(from: "rich", to: "euros", amount: "1.00")',
  },
  {
    invariant: 'balance-zero-to-close',
    status: 409,
    rest: ['POST', '/v1/accounts/rich/close'],
    graphql: 'closeAccount(accountId: "rich")',
  },
];

describe('a broken rule is named at the door', () => {
  let bank: BankUnderTest;
  beforeAll(async () => {
    bank = await startBank();
    await bank.open('poor', '0.00', { overdraftLimit: '10.00' });
    await bank.open('rich', LARGEST);
    await bank.open('euros', '0.00', { currency: 'EUR' });
    await bank.open('closed');
    await bank.post('/v1/accounts/closed/close');
  });
  afterAll(() => bank.close());

  it.each(cases)(
    '$invariant ($status): $graphql',
    async ({ invariant, status, rest: [method, path, body], graphql }) => {
      const overRest = await (method === 'POST' ? bank.post(path, body) : bank.put(path, body));
      expectProblem(overRest, status, 'invariant-broken');
      expect(overRest.body.invariant).toBe(invariant);

      const overGraphQL = await bank.graphql(`mutation { it: ${graphql} { revision } }`);
      expect(overGraphQL.status).toBe(200);
      expect(overGraphQL.body.errors).toEqual([
        expect.objectContaining({
          path: ['it'],
          message: expect.any(String),
          extensions: { type: overRest.body.type, title: overRest.body.title, status, invariant },
        }),
      ]);
    },
  );

  it('and changes nothing', async () => {
    expect((await bank.get('/v1/accounts/rich')).body).toMatchObject({ balance: LARGEST, revision: 1 });
    expect((await bank.get('/v1/accounts/poor')).body).toMatchObject({ balance: '0.00', revision: 0 });
    expectProblem(await bank.get('/v1/accounts/new'), 404, 'not-found');
  });
});
