// What was written is there for whoever asks with the position that the write answered.
import { type BankUnderTest, expectProblem, startBank } from './bank-under-test.js';

describe('reading your own writes', () => {
  let bank: BankUnderTest;
  beforeAll(async () => {
    bank = await startBank({ READ_WAIT_MS: '1000' });
    await bank.district('t1', 1, 'Prague');
    await bank.open('w-1');
  });
  afterAll(() => bank.close());

  it('holds for every read model, by parameter and by header, write after write', async () => {
    for (let write = 1; write <= 20; write += 1) {
      const { position } = (await bank.post('/v1/accounts/w-1/deposits', { amount: '1.00' })).body;
      const headers = { 'x-concord-position': position };
      const balance = `${write}.00`;
      const [account, statement, byHeader, regions, regionsByHeader] = await Promise.all([
        bank.get(`/v1/accounts/w-1?after=${position}`),
        bank.get(`/v1/accounts/w-1/statement?afterPosition=${position}&after=${write - 1}`),
        bank.get(`/v1/accounts/w-1/statement?after=${write - 1}`, { headers }),
        bank.get(`/v1/regions?after=${position}`),
        bank.get('/v1/regions', { headers }),
      ]);
      expect(account.body.balance).toBe(balance);
      expect(statement.body.items).toEqual([expect.objectContaining({ revision: write, balance })]);
      expect(byHeader.body).toEqual(statement.body);
      expect(regions.body[0].balance).toBe(balance);
      expect(regionsByHeader.body).toEqual(regions.body);
    }
  });

  it('holds over GraphQL', async () => {
    const deposit = await bank.graphql('mutation { deposit(accountId: "w-1", amount: "1.00") { position } }');
    const { position } = deposit.body.data.deposit;
    const query = `query ($after: String) {
      account(id: "w-1", after: $after) { balance }
      statement(accountId: "w-1", afterPosition: $after, after: "20") { items { balance } }
      regions(after: $after) { balance }
    }`;
    const { body } = await bank.graphql(query, { variables: { after: position } });
    const shown = { balance: '21.00' };
    expect(body).toEqual({ data: { account: shown, statement: { items: [shown] }, regions: [shown] } });
  });

  it('holds over GraphQL by extensions: answered by every mutation, taken by every query', async () => {
    const mutation =
      'mutation { a: deposit(accountId: "w-1", amount: "1.00") { revision } b: deposit(accountId: "w-1", amount: "1.00") { position } }';
    const { body: written, headers } = await bank.graphql(mutation);
    const { concord } = written.extensions;
    expect(concord).toEqual({ position: written.data.b.position });
    expect(headers.get('x-concord-position')).toBe(concord.position);
    const query = '{ account(id: "w-1") { balance } regions { balance } }';
    const post = (extensions: unknown) => bank.post('/graphql', { query, extensions });
    const shown = { balance: '23.00' };
    const read = await post({ concord });
    expect(read.body).toEqual({ data: { account: shown, regions: [shown] } });
    const byGet = new URLSearchParams({ query, extensions: JSON.stringify({ concord }) });
    expect((await bank.get(`/graphql?${byGet.toString()}`)).body).toEqual(read.body);
    expect((await post({})).status).toBe(200);
    for (const position of ['x', 7]) {
      const { body } = await post({ concord: { position } });
      expect(body.errors[0].extensions).toMatchObject({
        type: 'urn:concord:problem:invalid-input',
        errors: [{ field: 'extensions.concord.position' }],
      });
    }
    expect((await post({ concord: { position: '999999' } })).body.errors[0].extensions).toMatchObject({ status: 504 });
  });

  it('ends after a while, when the position does not come', async () => {
    const started = Date.now();
    const paths = ['/v1/accounts/w-1?after=', '/v1/accounts?afterPosition=', '/v1/regions?after='];
    const answers = await Promise.all([
      ...paths.map((path) => bank.get(`${path}999999`)),
      bank.get('/v1/accounts/w-1/statement', { headers: { 'x-concord-position': '999999' } }),
    ]);
    for (const answer of answers) {
      expectProblem(answer, 504, 'read-model-behind');
      expect(answer.headers.get('retry-after')).toBe('1');
      expect(answer.body.position).toBe('999999');
      expect(answer.body.detail).toMatch(/ask again with it in a moment, or without it/);
    }
    const { body } = await bank.graphql('{ regions(after: "999999") { region } }');
    expect(body.errors[0].extensions).toMatchObject({ type: 'urn:concord:problem:read-model-behind', status: 504 });
    expect(Date.now() - started).toBeLessThan(5_000);
  });
});
