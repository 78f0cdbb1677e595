// What the bank says when its database goes away, and when it comes back.
import { setTimeout as sleep } from 'node:timers/promises';
import { type BankUnderTest, expectProblem, startBank } from './bank-under-test.js';
import { openRelay, type Relay } from './relay.js';

describe('when the database goes away', () => {
  let bank: BankUnderTest;
  let relay: Relay;
  beforeAll(async () => {
    bank = await startBank({}, async (url) => {
      relay = await openRelay(url);
      return relay.url;
    });
    await bank.open('h-1', '1.00');
  });
  afterAll(async () => {
    await relay.restore();
    await bank.close();
    await relay.close();
  });

  it('the process lives, is not ready and says why, and is ready again', async () => {
    const ready = await bank.get('/health/ready');
    expect([ready.status, ready.body.status]).toEqual([200, 'ok']);
    expect(Object.keys(ready.body.details)).toEqual(['database', 'projections']);

    await relay.cut();
    expect((await bank.get('/health/live')).body).toEqual({ status: 'ok' });
    const gone = await bank.get('/health/ready');
    expectProblem(gone, 503, 'not-ready');
    expect(gone.body.detail).toMatch(/^not ready: database/);
    expect(gone.body.checks.database.status).toBe('down');

    for (const path of ['/v1/accounts/h-1', '/v1/accounts', '/v1/regions', '/v1/accounts/h-1/events']) {
      expectProblem(await bank.get(path), 503, 'database-unavailable');
    }
    const write = await bank.post('/v1/accounts/h-1/deposits', { amount: '1.00' });
    expectProblem(write, 503, 'database-unavailable');
    expect(write.headers.get('retry-after')).toBe('1');
    expect(JSON.stringify(write.body)).not.toMatch(/ECONN|127\.0\.0\.1|localhost/);
    const { body } = await bank.graphql('{ account(id: "h-1") { balance } }');
    expect(body.errors[0].extensions).toMatchObject({ type: 'urn:concord:problem:database-unavailable', status: 503 });

    await relay.restore();
    const deadline = Date.now() + 10_000;
    while ((await bank.get('/health/ready')).status !== 200 && Date.now() < deadline) await sleep(50);
    expect((await bank.get('/health/ready')).status).toBe(200);
    const { position } = (await bank.post('/v1/accounts/h-1/deposits', { amount: '1.00' })).body;
    expect((await bank.get(`/v1/regions?after=${position}`)).body[0].balance).toBe('2.00');
  });
});
