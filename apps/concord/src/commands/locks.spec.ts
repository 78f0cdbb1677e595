// `concord locks` as a process, while others hold locks and wait.
import { runInTenant } from '@concord/tenancy';
import { until } from '../../../../test/contract/locking/kit.js';
import { concord } from '../../../../test/fixtures/concord-cli.js';
import { openStore, type OpenStore } from '../../../../test/two-phase/kit.js';
import { createTestDatabase, type TestDatabase } from '@concord/testing';

let database: TestDatabase;
let held: OpenStore & { close(): Promise<void> };
beforeAll(async () => {
  database = await createTestDatabase();
  held = await openStore('held', database.url);
});
afterAll(async () => {
  await held.close();
  await database.drop();
});

const run = (...args: string[]) => concord(database.url, 'locks', ...args);
const inTenant = <T>(work: () => Promise<T>, tenant = 't1'): Promise<T> => runInTenant(tenant, work);

it('shows nothing where there is nothing', async () => {
  expect(await run()).toEqual({ code: 0, out: 'Locks: none\nWaits: none\n', err: '' });
});

it('shows who holds which lock, and who waits for whom: as tables, and as JSON', async () => {
  const { locks } = held;
  const [first, second, other] = [locks.begin(), locks.begin(), locks.begin()];
  await inTenant(() => locks.acquire(first, [{ stream: 'account-1', mode: 'X' }]));
  await inTenant(() => locks.acquire(other, [{ stream: 'account-1', mode: 'S' }]), 't2');
  const waiting = inTenant(() => locks.acquire(second, [{ stream: 'account-1', mode: 'S' }]));
  await until('somebody waits', async () => (await locks.waits()).length === 1);

  const shown = await run();
  expect(shown).toMatchObject({ code: 0, err: '' });
  expect(shown.out).toContain('Locks: 2\n');
  expect(shown.out).toMatch(new RegExp(`t1 +account-1 +X +${first.id} .*\\d s ago +no +\\d+\\n`));
  expect(shown.out).toMatch(new RegExp(`t1 +account-1 +${second.id} +S .*${first.id} +holds it +X `));

  const { locks: listed, waits } = JSON.parse((await run('--tenant', 't2', '--json')).out);
  expect([listed.length, listed[0].owner, waits]).toEqual([1, other.id, []]);

  await Promise.all([locks.release(first), locks.release(other)]);
  await waiting;
  await locks.release(second);
});

it('a wrong use ends with 2; a database that is not there with 1; --help with 0', async () => {
  expect(await run('--tenant', 'a b')).toMatchObject({ code: 2, err: expect.stringContaining('a tenant id') });
  expect(await run('all')).toMatchObject({ code: 2, err: expect.stringContaining('too many arguments') });
  expect(await run('--database', 'not_there')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^concord: .+\n$/),
  });
  expect(await run('--help')).toMatchObject({ code: 0, out: expect.stringMatching(/--database[^]+wait-for graph/) });
  expect(await concord(database.url, 'lock')).toMatchObject({
    code: 2,
    err: expect.stringContaining('unknown command'),
  });
});
