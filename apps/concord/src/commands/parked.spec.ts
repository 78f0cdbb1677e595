// concord parked, projections and verify as processes, on what consumers and the life of streams leave behind.
import { type OpenDatabase, openDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { newId, type StreamName } from '@concord/kernel';
import { Checkpoints, PostgresConsumerGroups } from '@concord/subscriptions';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { concord, type Said } from '../../../../test/fixtures/concord-cli.js';

let database: TestDatabase;
let opened: OpenDatabase;
let store: PostgresEventStore;

const run = (...args: string[]): Promise<Said> => concord(database.url, ...args);
const parsed = (out: string): { readonly id: string }[] =>
  out
    .split('\n')
    .filter((line) => line)
    .map((line) => JSON.parse(line) as { readonly id: string });

async function append(tenant: string, stream: StreamName, type: string, ...data: unknown[]): Promise<void> {
  const events = data.map((each) => ({ id: newId(), type, data: each }));
  await runInTenant(tenant, () => store.append({ stream, expected: 'any', events }));
}

beforeAll(async () => {
  database = await createTestDatabase();
  opened = await openDatabase({ url: database.url });
  store = new PostgresEventStore(opened.database);
  for (const tenant of ['one', 'two']) await append(tenant, 'some-1', 'X', 1, 2, 3);
});
afterAll(async () => {
  await opened.close();
  await database.drop();
});

it('parked: lists, replays and discards', async () => {
  const groups = new PostgresConsumerGroups(store, opened.database);
  await append('parking', 'mail-1', 'Mailed', 1, 2, 3);
  let isBroken = true;
  const handled: unknown[] = [];
  let tell: () => void = () => undefined;
  const until = (isSo: () => boolean): Promise<void> =>
    new Promise<void>((resolve) => (tell = () => isSo() && resolve())).then(() => undefined);
  let parkedCount = 0;
  const member = await groups.join(
    {
      name: 'mails',
      categories: ['mail'],
      delivery: 'at-least-once',
      maxAttempts: 1,
      whenParked: 'skip',
      leaseMs: 1000,
    },
    async ({ data }) => {
      if (isBroken) throw new Error('no mail\nserver');
      handled.push(data);
      tell();
      return Promise.resolve();
    },
    ({ outcome }) => {
      parkedCount += Number(outcome === 'parked');
      tell();
    },
  );
  await until(() => parkedCount === 3);
  isBroken = false;
  const listed = await run('parked', 'list', 'mails', '--json');
  const ids = parsed(listed.out).map(({ id }) => id);
  expect(parsed(listed.out)).toMatchObject([
    { stream: 'mail-1', attempts: 1, reason: expect.stringContaining('no mail') },
    {},
    {},
  ]);
  expect(await run('parked', 'list')).toMatchObject({ code: 0, out: expect.stringMatching(/\nmails +3 +0 /) });

  const replayed = until(() => handled.length === 1);
  expect((await run('parked', 'replay', 'mails', ids[1]!, '--tenant', 'parking', '--json')).out).toContain(
    '"askedToReplay": 1',
  );
  await replayed;
  expect(handled).toEqual([2]);
  expect(await run('parked', 'discard', 'mails', ids[0]!, newId(), '--tenant', 'parking')).toMatchObject({
    code: 1,
    out: '1 event of mails discarded\n',
    err: expect.stringContaining('1 of 2 are not parked'),
  });
  expect((await run('parked', 'discard', 'mails', '--all', '--yes', '--tenant', 'one')).out).toContain('0 events');
  expect((await run('parked', 'discard', 'mails', '--all', '--yes', '--tenant', 'parking')).out).toContain(
    '1 event of',
  );
  expect((await run('parked', 'list', 'mails', '--tenant', 'parking')).out).toBe('Parked by mails: none\n');
  await member.leave();
}, 120_000);

it('projections: shows how far they are, and alarms', async () => {
  const checkpoints = new Checkpoints(opened.database);
  const head = async (tenant: string) =>
    (await store.tenantHeads()).find(({ tenantId }) => tenantId === tenant)?.head ?? 0n;
  for (const [tenant, position] of [
    ['one', await head('one')],
    ['two', 1n],
  ] as const) {
    await runInTenant(tenant, async () => {
      await opened.database.transaction(() => checkpoints.hold('projection:ledger.totals:2', true));
      await checkpoints.save('projection:ledger.totals:2', position);
    });
  }
  const [list, status, fine, late] = await Promise.all([
    run('projections', 'list'),
    run('projections', 'status', 'ledger.totals', '--json'),
    run('projections', 'lag', 'ledger.totals', '--tenant', 'one', '--above', '0'),
    run('projections', 'lag', '--above', '0', '--json'),
  ]);
  expect(list.out).toMatch(/\nledger.totals +2 +async +2 +1 +\d+\.\d s\n/);
  expect(
    status.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object),
  ).toMatchObject([
    { version: 2, tenant: 'one', lagMs: 0 },
    { version: 2, tenant: 'two', position: '1', head: (await head('two')).toString(), kind: 'async' },
  ]);
  expect([fine.code, fine.out]).toEqual([0, 'Behind: none\n']);
  expect([late.code, JSON.parse(late.out)]).toEqual([1, expect.objectContaining({ tenant: 'two' })]);
});

it('verify takes what was scavenged or is gone on purpose for what it is', async () => {
  await append('kept', 'short-1', 'X', 1, 2, 3, 4);
  await append('kept', 'gone-1', 'X', 1, 2);
  await append('kept', 'soft-1', 'X', 1, 2);
  await runInTenant('kept', async () => {
    await store.writeStreamMetadata('short-1', { maxCount: 2 });
    await store.writeStreamMetadata('short-1', { maxCount: 1 });
    await store.tombstoneStream('gone-1', 'any');
    await store.deleteStream('soft-1', 'any');
    await store.scavenge();
    await store.writeStreamMetadata('short-1', {});
  });
  await append('kept', 'soft-1', 'X', 3);
  expect(await run('verify', '--tenant', 'kept')).toMatchObject({
    code: 0,
    out: expect.stringContaining('Findings: none'),
  });
  expect(await run('streams', 'read', 'gone-1')).toMatchObject({ code: 3 });
});
