// What the bank says when its database goes away, and when it comes back.
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
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
    expect(Object.keys(ready.body.details)).toEqual(['database', 'projections', 'feed']);

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

describe('when an append does not end', () => {
  let bank: BankUnderTest;
  let holder: pg.Client;
  beforeAll(async () => {
    bank = await startBank({ FEED_DELAYED_MS: '50', FEED_STALLED_MS: '1500' });
    await bank.open('h-1', '1.00');
    holder = new pg.Client({ connectionString: bank.databaseUrl, application_name: 'forgotten' });
    await holder.connect();
  });
  afterAll(async () => {
    await holder.end();
    await bank.close();
  });

  const feed = async (status: number) => {
    const { body } = await bank.get('/health/ready');
    return status === 200 ? body.details.feed : body.checks.feed;
  };
  const until = async (condition: () => Promise<boolean>): Promise<void> => {
    for (const deadline = Date.now() + 20_000; !(await condition());) {
      if (Date.now() > deadline) throw new Error('not within 20 s');
      await sleep(20);
    }
  };
  const statusIs = (status: number) => until(async () => (await bank.get('/health/ready')).status === status);

  it('the bank is degraded at first, then not ready, says which session it is, and is ready again', async () => {
    expect(await feed(200)).toEqual({ status: 'up', state: 'flowing' });
    await holder.query('begin');
    await holder.query('select concord.mark_append()');
    await holder.query(`select nextval('concord.global_position')`);
    const { rows } = await holder.query<{ pid: number }>('select pg_backend_pid() as pid');
    expect((await bank.post('/v1/accounts/h-1/deposits', { amount: '1.00' })).status).toBe(201);

    await until(async () => (await feed(200))?.status !== 'up');
    const heldBy = [
      { pid: rows[0]!.pid, application: 'forgotten', state: 'idle in transaction', since: expect.any(String) },
    ];
    await statusIs(503);
    const { body } = await bank.get('/health/ready');
    expect(body.detail).toBe('not ready: feed');
    expect(body.checks.feed).toMatchObject({ status: 'down', state: 'stalled', heldBy });
    expect(body.checks.feed.milliseconds).toBeGreaterThanOrEqual(1500);

    await holder.query('rollback');
    await statusIs(200);
    expect(await feed(200)).toEqual({ status: 'up', state: 'flowing' });
  });
});
