// Transfers between two stores of the bank, through the door: in both, or in neither.
import { failpoints } from '@concord/coordination';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import { type BankUnderTest, expectProblem, startBank } from './bank-under-test.js';

let branch: TestDatabase;
let bank: BankUnderTest;
beforeAll(async () => {
  branch = await createTestDatabase();
  bank = await startBank({}, undefined, { branch: { url: branch.url } });
  await bank.open('here', '100.00');
  const opened = await bank.post('/v1/branch/accounts', { accountId: 'there', districtId: 1, currency: 'CZK' });
  expect([opened.status, opened.headers.get('location')]).toEqual([201, '/v1/branch/accounts/there']);
  expect(opened.body).toEqual({ accountId: 'there', revision: 0 });
});
afterAll(async () => {
  await bank.close();
  await branch.drop();
});
afterEach(failpoints.clear);

const transfer = (amount: string, more: object = {}, key?: string) =>
  bank.post(
    '/v1/branch/transfers',
    { direction: 'to-branch', from: 'here', to: 'there', amount, ...more },
    key === undefined ? {} : { headers: { 'idempotency-key': key } },
  );

async function balances(): Promise<string[]> {
  const [here, there] = [await bank.get('/v1/accounts/here'), await bank.get('/v1/branch/accounts/there')];
  return [here.body.balance, there.body.balance];
}

it('moves money from the one store to the other, and the read model of the bank shows it with the commit', async () => {
  const moved = await transfer('30.00', { reference: 'rent' });
  expect(moved.status).toBe(201);
  expect(moved.body).toEqual({
    transferId: expect.any(String),
    from: { accountId: 'here', revision: 2 },
    to: { accountId: 'there', revision: 1 },
    position: expect.stringMatching(/^\d+$/),
  });
  expect(await balances()).toEqual(['70.00', '30.00']);
  const seen = await bank.get('/v1/accounts/here/statement', {
    headers: { 'x-concord-position': moved.headers.get('x-concord-position')! },
  });
  expect(seen.body.items.at(-1)).toMatchObject({ kind: 'transfer-out', counterparty: 'there', reference: 'rent' });
  // Its event is in another database.
  await withClient(branch.url, async (client) => {
    const { rows } = await client.query(
      `select event_type from concord.events where stream_name = 'account-there' order by 1`,
    );
    expect(rows.map((row) => row.event_type)).toEqual(['AccountOpened', 'TransferReceived']);
  });
});

it('moves it back, and the same Idempotency-Key is answered with the same', async () => {
  const back = { direction: 'from-branch', from: 'there', to: 'here' };
  const first = await transfer('10.00', back, 'back-1');
  expect(first.status).toBe(201);
  const again = await transfer('10.00', back, 'back-1');
  expect([again.status, again.body]).toEqual([201, first.body]);
  expect(await balances()).toEqual(['80.00', '20.00']);
  expectProblem(await transfer('11.00', back, 'back-1'), 422, 'command-id-reused');
});

it('changes nothing in either where a rule stands against it, and names the rule', async () => {
  const refused = await transfer('80.01');
  expectProblem(refused, 409, 'invariant-broken');
  expect(refused.body.invariant).toBe('balance-within-overdraft-limit');
  expectProblem(await transfer('1.00', { to: 'nowhere' }), 404, 'invariant-broken');
  expect(await balances()).toEqual(['80.00', '20.00']);
});

it('refuses bad input by the names of its fields', async () => {
  const answer = await transfer('1', { direction: 'up', from: 'no id' });
  expectProblem(answer, 400, 'invalid-input');
  expect(answer.body.errors.map(({ field }: { field: string }) => field).sort()).toEqual([
    'amount',
    'direction',
    'from',
  ]);
  expectProblem(await bank.get('/v1/branch/accounts/nowhere'), 404, 'not-found');
});

it('is settled without the caller where the coordinator fails after its decision', async () => {
  failpoints.add('coordinator.decided:error');
  const answer = await transfer('5.00', {}, 'lost');
  expect(answer.status).toBe(500);
  failpoints.clear();
  // Recovery tells what was decided when its first lease has ended.
  const until = Date.now() + 20_000;
  while ((await balances())[1] !== '25.00' && Date.now() < until) await new Promise((done) => setTimeout(done, 100));
  expect(await balances()).toEqual(['75.00', '25.00']);
  expect((await transfer('5.00', {}, 'lost')).status).toBe(201);
  expect(await balances()).toEqual(['75.00', '25.00']);
});

it('says what to set where there is no branch and no partner', async () => {
  const alone = await startBank();
  try {
    const answer = await alone.get('/v1/branch/accounts/there');
    expectProblem(answer, 501, 'not-configured');
    expect(answer.body.detail).toContain('BRANCH_DATABASE_URL');
    const payment = { from: 'here', partnerAccount: 'p-1', amount: '1.00' };
    expectProblem(await alone.post('/v1/partner-payments', payment), 501, 'not-configured');
  } finally {
    await alone.close();
  }
});
