// The same request under the same Idempotency-Key is done once.
import { type BankUnderTest, expectProblem, startBank } from './bank-under-test.js';

describe('a repeated request', () => {
  let bank: BankUnderTest;
  beforeAll(async () => {
    bank = await startBank();
    await bank.open('i-1', '100.00');
    await bank.open('i-2', '100.00');
  });
  afterAll(() => bank.close());

  const keyed = (key: string) => ({ headers: { 'idempotency-key': key } });

  it('gets the same answer, and adds nothing', async () => {
    const first = await bank.post('/v1/accounts/i-1/deposits', { amount: '1.00' }, keyed('d'));
    const second = await bank.post('/v1/accounts/i-1/deposits', { amount: '1.00' }, keyed('d'));
    expect([second.status, second.body]).toEqual([first.status, first.body]);
    expect((await bank.get('/v1/accounts/i-1')).body).toMatchObject({ balance: '101.00', revision: 2 });
  });

  it('is done once, even by twenty at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => bank.post('/v1/accounts/i-2/deposits', { amount: '1.00' }, keyed('twenty'))),
    );
    expect(new Set(answers.map(({ status, body }) => JSON.stringify([status, body]))).size).toBe(1);
    expect((await bank.get('/v1/accounts/i-2')).body).toMatchObject({ balance: '101.00', revision: 2 });
  });

  it('opens the same account, whose id the bank had made', async () => {
    const open = { districtId: 1, currency: 'CZK' };
    const first = await bank.post('/v1/accounts', open, keyed('o'));
    const second = await bank.post('/v1/accounts', open, keyed('o'));
    expect([second.status, second.body]).toEqual([201, first.body]);
    expect((await bank.post('/v1/accounts', open, keyed('p'))).body.accountId).not.toBe(first.body.accountId);
  });

  it('gets the same transfer', async () => {
    const order = { from: 'i-1', to: 'i-2', amount: '2.00' };
    const first = await bank.post('/v1/transfers', order, keyed('t'));
    const second = await bank.post('/v1/transfers', order, keyed('t'));
    expect([second.status, second.body]).toEqual([201, first.body]);
    expect((await bank.get('/v1/accounts/i-2')).body).toMatchObject({ balance: '103.00' });
  });

  it('is another one at another place, or about another account', async () => {
    const deposit = await bank.post('/v1/accounts/i-1/deposits', { amount: '5.00' }, keyed('k'));
    const withdrawal = await bank.post('/v1/accounts/i-1/withdrawals', { amount: '5.00' }, keyed('k'));
    expect(withdrawal.body.revision).toBe(Number(deposit.body.revision) + 1);
    const other = await bank.post('/v1/accounts/i-2/deposits', { amount: '5.00' }, keyed('k'));
    expect(other.body.accountId).toBe('i-2');

    await bank.post('/v1/accounts', { accountId: 'i-3', districtId: 1, currency: 'CZK' }, keyed('k'));
    const reused = await bank.post('/v1/accounts', { accountId: 'i-4', districtId: 1, currency: 'CZK' }, keyed('k'));
    expectProblem(reused, 422, 'command-id-reused');
    expectProblem(await bank.get('/v1/accounts/i-4'), 404, 'not-found');
  });

  it('is refused when it says something else: no answer for what did not happen', async () => {
    await bank.post('/v1/accounts/i-1/deposits', { amount: '1.00' }, keyed('e'));
    const other = await bank.post('/v1/accounts/i-1/deposits', { amount: '40.00' }, keyed('e'));
    expectProblem(other, 422, 'command-id-reused');
    await bank.post('/v1/transfers', { from: 'i-1', to: 'i-2', amount: '1.00' }, keyed('e'));
    const reversed = await bank.post('/v1/transfers', { from: 'i-2', to: 'i-1', amount: '1.00' }, keyed('e'));
    expectProblem(reversed, 422, 'command-id-reused');
    const deposit = (amount: string) => `mutation { deposit(accountId: "i-1", amount: "${amount}") { revision } }`;
    await bank.graphql(deposit('1.00'), keyed('e'));
    const refused = await bank.graphql(deposit('2.00'), keyed('e'));
    expect(refused.body.errors[0].extensions).toMatchObject({ status: 422 });
  });

  it('is known over GraphQL as well, mutation by mutation', async () => {
    const mutation = `mutation {
      one: deposit(accountId: "i-1", amount: "1.00") { revision }
      two: deposit(accountId: "i-1", amount: "1.00") { revision }
    }`;
    const first = await bank.graphql(mutation, keyed('g'));
    const second = await bank.graphql(mutation, keyed('g'));
    expect(second.body).toEqual(first.body);
    expect(first.body.data.two.revision).toBe(Number(first.body.data.one.revision) + 1);
  });

  it('that was refused is tried anew', async () => {
    await bank.open('i-5');
    const refused = await bank.post('/v1/accounts/i-5/withdrawals', { amount: '1.00' }, keyed('r'));
    expectProblem(refused, 409, 'invariant-broken');
    await bank.post('/v1/accounts/i-5/deposits', { amount: '1.00' });
    expect((await bank.post('/v1/accounts/i-5/withdrawals', { amount: '1.00' }, keyed('r'))).status).toBe(201);
  });
});
