// Many at once: no rule is broken between them, and nobody is turned away without a reason.
import { type BankUnderTest, startBank } from './bank-under-test.js';

describe('at once', () => {
  let bank: BankUnderTest;
  beforeAll(async () => {
    bank = await startBank();
  });
  afterAll(() => bank.close());

  it('twenty withdrawals of one account never go below its limit', async () => {
    await bank.open('c-1', '70.00', { overdraftLimit: '30.00' });
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => bank.post('/v1/accounts/c-1/withdrawals', { amount: '10.00' })),
    );
    const done = answers.filter(({ status }) => status === 201);
    const refused = answers.filter(({ status }) => status === 409);
    expect([done.length, refused.length]).toEqual([10, 10]);
    for (const { body } of refused) expect(body.invariant).toBe('balance-within-overdraft-limit');
    expect(done.map(({ body }) => body.revision).sort((a, b) => a - b)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect((await bank.get('/v1/accounts/c-1')).body).toMatchObject({ balance: '-30.00', revision: 11 });
  });

  it('opposite transfers all succeed, and no money is made or lost', async () => {
    await bank.open('c-2', '1000.00');
    await bank.open('c-3', '1000.00');
    const transfers = Array.from({ length: 40 }, (_, index) => {
      const [from, to] = index % 2 === 0 ? ['c-2', 'c-3'] : ['c-3', 'c-2'];
      return bank.post('/v1/transfers', { from, to, amount: `${index + 1}.00` });
    });
    expect((await Promise.all(transfers)).map(({ status }) => status)).toEqual(transfers.map(() => 201));
    const [one, other] = await Promise.all([bank.get('/v1/accounts/c-2'), bank.get('/v1/accounts/c-3')]);
    expect([one.body.balance, other.body.balance]).toEqual(['1020.00', '980.00']);
    expect([one.body.revision, other.body.revision]).toEqual([41, 41]);
  });

  it('one account is opened once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => bank.post('/v1/accounts', { accountId: 'c-4', districtId: 1, currency: 'CZK' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 9 }, () => 409)]);
  });
});
