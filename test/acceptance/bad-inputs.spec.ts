// What no door lets in, and how it says so.
import { request } from 'node:http';
import { connect } from 'node:net';
import { type BankUnderTest, expectProblem, startBank, type Json } from './bank-under-test.js';

const OPEN = { accountId: 'b-2', districtId: 1, currency: 'CZK' };

describe('bad input', () => {
  let bank: BankUnderTest;
  beforeAll(async () => {
    bank = await startBank();
    await bank.open('b-1', '10.00');
  });
  afterAll(() => bank.close());

  const bookings: [string, unknown, string][] = [
    ['no body', undefined, 'amount'],
    ['an empty object', {}, 'amount'],
    ['a list', [{ amount: '1.00' }], 'body'],
    ['a number', '5', 'body'],
    ['null', 'null', 'amount'],
    ['an amount that is a number', { amount: 1 }, 'amount'],
    ['an amount with one place', { amount: '1.0' }, 'amount'],
    ['an amount with an exponent', { amount: '1e2' }, 'amount'],
    ['an amount with a comma', { amount: '1,00' }, 'amount'],
    ['an amount with a space', { amount: ' 1.00' }, 'amount'],
    ['an amount with a leading zero', { amount: '01.00' }, 'amount'],
    ['an amount in other digits', { amount: '١.٠٠' }, 'amount'],
    ['an amount of 16 digits', { amount: '1234567890123456.00' }, 'amount'],
    ['an amount that is NaN', { amount: 'NaN' }, 'amount'],
    ['an amount that is an object', { amount: { toString: '1.00' } }, 'amount'],
    ['an amount that is null', { amount: null }, 'amount'],
    ['an unknown field', { amount: '1.00', currency: 'EUR' }, 'currency'],
    ['a reference that is a number', { amount: '1.00', reference: 7 }, 'reference'],
    ['a reference that is too long', { amount: '1.00', reference: 'x'.repeat(501) }, 'reference'],
    ['U+0000', { amount: '1.00', reference: 'a\0b' }, 'reference'],
    ['half a character', { amount: '1.00', reference: '\ud800' }, 'reference'],
    ['a day that never was', { amount: '1.00', occurredOn: '2024-02-30' }, 'occurredOn'],
    ['a day of no leap year', { amount: '1.00', occurredOn: '2023-02-29' }, 'occurredOn'],
    ['a day of the year 0', { amount: '1.00', occurredOn: '0000-01-01' }, 'occurredOn'],
    ['a time for a day', { amount: '1.00', occurredOn: '2024-02-28T00:00:00Z' }, 'occurredOn'],
    ['something very deep', `{"amount":${'['.repeat(20_000)}${']'.repeat(20_000)}}`, 'amount'],
  ];

  it.each(bookings)('%s is refused', async (_, body, field) => {
    const answer = await bank.post('/v1/accounts/b-1/deposits', body);
    expectProblem(answer, 400, 'invalid-input');
    expect(answer.body.errors).toEqual([{ field, message: expect.any(String) }]);
  });

  const accounts: [string, object, string][] = [
    ['an id with a slash', { accountId: 'a/b' }, 'accountId'],
    ['an id with a space', { accountId: 'a b' }, 'accountId'],
    ['an id that is empty', { accountId: '' }, 'accountId'],
    ['an id that starts with a dot', { accountId: '..' }, 'accountId'],
    ['an id of 65 characters', { accountId: 'x'.repeat(65) }, 'accountId'],
    ['an id with U+0000', { accountId: 'a\0' }, 'accountId'],
    ['a district that is text', { districtId: '1' }, 'districtId'],
    ['a district with a fraction', { districtId: 1.5 }, 'districtId'],
    ['district 0', { districtId: 0 }, 'districtId'],
    ['a district beyond 32 bits', { districtId: 2 ** 31 }, 'districtId'],
    ['a currency in small letters', { currency: 'czk' }, 'currency'],
    ['a currency of four letters', { currency: 'CZKK' }, 'currency'],
    ['an overdraft limit without places', { overdraftLimit: '5' }, 'overdraftLimit'],
  ];

  it.each(accounts)('%s opens no account', async (_, wrong, field) => {
    const answer = await bank.post('/v1/accounts', { ...OPEN, ...wrong });
    expectProblem(answer, 400, 'invalid-input');
    expect(answer.body.errors).toEqual([{ field, message: expect.any(String) }]);
  });

  const questions: [string, string][] = [
    ['/v1/accounts?limit=0', 'limit'],
    ['/v1/accounts?limit=501', 'limit'],
    ['/v1/accounts?limit=ten', 'limit'],
    ['/v1/accounts?limit=1.5', 'limit'],
    ['/v1/accounts?limit=', 'limit'],
    ['/v1/accounts?limit=1&limit=2', 'limit'],
    ['/v1/accounts?after=a%20b', 'after'],
    ['/v1/accounts?before=a%20b', 'before'],
    ['/v1/accounts?after=a&before=b', 'before'],
    ['/v1/accounts?sort=color', 'sort'],
    ['/v1/accounts?region=%00', 'region'],
    ['/v1/accounts?color=red', 'color'],
    ['/v1/accounts?afterPosition=-1', 'afterPosition'],
    ['/v1/accounts/b-1?after=1x', 'after'],
    ['/v1/accounts/b-1?after=9223372036854775808', 'after'],
    ['/v1/accounts/b-1?asOf=yesterday', 'asOf'],
    ['/v1/accounts/b-1?asOf=2024-02-30T00:00:00Z', 'asOf'],
    ['/v1/accounts/b-1?asOf=2024-02-28T00:00:00', 'asOf'],
    ['/v1/accounts/b-1/statement?from=2024-13-01', 'from'],
    ['/v1/accounts/b-1/statement?to=today', 'to'],
    ['/v1/accounts/b-1/statement?after=b-1', 'after'],
    ['/v1/accounts/b-1/events?after=-1', 'after'],
    ['/v1/regions?after=soon', 'after'],
    ['/v1/accounts/a%20b', 'accountId'],
    ['/v1/accounts/a%00b/events', 'accountId'],
    ['/v1/accounts/..%2fsecret', 'accountId'],
  ];

  it.each(questions)('%s is refused for its %s', async (path, field) => {
    const answer = await bank.get(path);
    expectProblem(answer, 400, 'invalid-input');
    expect(answer.body.errors).toEqual([{ field, message: expect.any(String) }]);
  });

  it('names every field that is wrong', async () => {
    const answer = await bank.post('/v1/accounts', { accountId: '', districtId: 0, currency: 'x', more: 1 });
    const fields = answer.body.errors.map((error: Json) => error.field);
    expect(fields.sort()).toEqual(['accountId', 'currency', 'districtId', 'more']);
  });

  it('headers are checked as well', async () => {
    const reading = await bank.get('/v1/regions', { headers: { 'x-concord-position': 'soon' } });
    expect(reading.body.errors).toEqual([{ field: 'X-Concord-Position', message: expect.any(String) }]);
    const key = { 'idempotency-key': 'x'.repeat(256) };
    const writing = await bank.post('/v1/accounts/b-1/deposits', { amount: '1.00' }, { headers: key });
    expect(writing.body.errors).toEqual([{ field: 'Idempotency-Key', message: expect.any(String) }]);
  });

  it('what is not JSON is not taken for it', async () => {
    const to = '/v1/accounts/b-1/deposits';
    expectProblem(await bank.post(to, '{"amount":'), 400, 'bad-request');
    expectProblem(await bank.post(to, '{"__proto__":{"amount":"1.00"}}'), 400, 'bad-request');
    expectProblem(await bank.post(to, '', { headers: {} }), 400, 'bad-request');
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'multipart/form-data']) {
      const answer = await bank.post(to, 'amount=1.00', { headers: { 'content-type': type } });
      expectProblem(answer, 415, 'unsupported-media-type');
    }
    expectProblem(await bank.post(to, { amount: '1.00', reference: 'x'.repeat(70_000) }), 413, 'payload-too-large');
  });

  it('unknown routes and methods, and paths that cannot be read', async () => {
    expectProblem(await bank.get('/v1/nothing'), 404, 'not-found');
    expectProblem(await bank.get('/', { tenant: '' }), 404, 'not-found');
    expectProblem(await bank.put('/v1/accounts', {}), 404, 'not-found');
    expectProblem(await raw(bank.url, '/v1/accounts/%zz'), 400, 'bad-request');
  });

  it('what is no HTTP at all', async () => {
    const { hostname, port } = new URL(bank.url);
    const text = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), hostname, () => socket.write('hello\r\n\r\n'));
      let received = '';
      socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
      socket.on('close', () => resolve(received));
    });
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json/);
  });

  it('and none of it changed the account', async () => {
    expect((await bank.get('/v1/accounts/b-1')).body).toMatchObject({ balance: '10.00', revision: 1 });
  });
});

/** fetch() tidies paths up; this does not. */
function raw(url: string, path: string): Promise<{ status: number; headers: Headers; body: Json }> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { path, headers: { 'x-tenant-id': 't1' } }, (answer) => {
      let text = '';
      answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
      answer.on('end', () => {
        const headers = new Headers(answer.headers as Record<string, string>);
        resolve({ status: answer.statusCode!, headers, body: JSON.parse(text) });
      });
    });
    asking.on('error', reject);
    asking.end();
  });
}
