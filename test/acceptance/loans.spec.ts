// The pay-out of loans, over two contexts, through the door.
import { Processes } from '@concord/coordination';
import { runInTenant } from '@concord/tenancy';
import { until } from '../fixtures/group-member.js';
import { type BankUnderTest, expectProblem, type Json, startBank, TENANT } from './bank-under-test.js';

let bank: BankUnderTest;
beforeAll(async () => {
  bank = await startBank();
  await bank.open('funds', '1000.00');
  await bank.open('clearing');
});
afterAll(() => bank.close());

const terms = { fundingAccountId: 'funds', clearingAccountId: 'clearing', amount: '100.00' };

async function settled(loanId: string): Promise<Json> {
  const found = await bank.get(`/v1/loans/${loanId}`);
  return found.body.status === 'requested' ? undefined : found.body;
}

async function balances(...ids: string[]): Promise<string[]> {
  const found = await Promise.all(ids.map((id) => bank.get(`/v1/accounts/${id}`)));
  return found.map(({ body }) => body.balance);
}

it('reserves, pays and confirms', async () => {
  await bank.open('borrower');
  const headers = { 'idempotency-key': 'one-loan', 'x-correlation-id': 'the-loan' };
  const asked = await bank.post('/v1/loans', { ...terms, accountId: 'borrower' }, { headers });
  expect(asked.status).toBe(201);
  expect(asked.body).toEqual({ loanId: expect.any(String), revision: 0, position: expect.stringMatching(/^\d+$/) });
  const { loanId } = asked.body;
  expect(asked.headers.get('location')).toBe(`/v1/loans/${loanId}`);
  const again = await bank.post('/v1/loans', { ...terms, accountId: 'borrower' }, { headers });
  expect(again.body).toEqual(asked.body);

  await until('it is paid out', async () => (await settled(loanId)) !== undefined);
  expect(await settled(loanId)).toEqual({
    loanId,
    accountId: 'borrower',
    amount: '100.00',
    status: 'paid-out',
    reason: null,
    revision: 1,
  });
  expect(await balances('funds', 'clearing', 'borrower')).toEqual(['900.00', '0.00', '100.00']);
  // One conversation, from the request to the booking.
  const events = await bank.get('/v1/accounts/borrower/events');
  expect(events.body.items.at(-1)).toMatchObject({ type: 'TransferReceived', correlationId: 'the-loan' });
});

it('puts the money back when it cannot be paid, and says why', async () => {
  await bank.open('closed');
  await bank.post('/v1/accounts/closed/close');
  await bank.post('/v1/loans', { ...terms, loanId: 'l-closed', accountId: 'closed' });
  await until('it has failed', async () => (await settled('l-closed')) !== undefined);
  expect(await settled('l-closed')).toMatchObject({
    status: 'failed',
    reason: 'pay was refused: the account is closed',
  });
  expect(await balances('funds', 'clearing')).toEqual(['900.00', '0.00']);
  const processes = bank.app.get(Processes, { strict: false });
  const found = await runInTenant(TENANT, () => processes.find('loanPayout', 'l-closed'));
  expect(found).toMatchObject({ status: 'compensated', owed: [], undoable: [] });
});

it('fails where there is not enough, and nothing has moved', async () => {
  await bank.post('/v1/loans', { ...terms, amount: '5000.00', loanId: 'l-large', accountId: 'borrower' });
  await until('it has failed', async () => (await settled('l-large')) !== undefined);
  expect((await settled('l-large')).reason).toMatch(/^reserve was refused: the balance would be -/);
  expect(await balances('funds', 'clearing')).toEqual(['900.00', '0.00']);
});

it('refuses bad input, and rules that are broken, by name', async () => {
  const asked = { ...terms, accountId: 'borrower', loanId: 'l-bad' };
  expectProblem(await bank.post('/v1/loans', { ...asked, amount: '1' }), 400, 'invalid-input');
  expectProblem(await bank.post('/v1/loans', { ...asked, accountId: 'no id' }), 400, 'invalid-input');
  expectProblem(await bank.post('/v1/loans', {}), 400, 'invalid-input');
  const broken: [string, number, object][] = [
    ['positive-amount', 422, { ...asked, amount: '0.00' }],
    ['three-accounts', 422, { ...asked, accountId: 'funds' }],
    ['loan-requested-once', 409, { ...asked, loanId: 'l-large' }],
  ];
  for (const [invariant, status, body] of broken) {
    const answer = await bank.post('/v1/loans', body);
    expectProblem(answer, status, 'invariant-broken');
    expect(answer.body.invariant).toBe(invariant);
  }
  expectProblem(await bank.get('/v1/loans/l-bad'), 404, 'not-found');
  expectProblem(await bank.get('/v1/loans/l-large', { tenant: 'other' }), 404, 'not-found');
});
