// The only one of its kind: one of many that begin at once, and its fence after its lease has ended.
import { setTimeout as sleep } from 'node:timers/promises';
import { type OpenDatabase, openDatabase, OwnershipLost } from '@concord/database';
import { SoleOwner } from '@concord/subscriptions';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { eventually } from '../fixtures/data-folder.js';
import { openRelay } from '../acceptance/relay.js';

const LEASE_MS = 600;

let test: TestDatabase;
const opened: OpenDatabase[] = [];

beforeAll(async () => {
  test = await createTestDatabase();
});

afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()));
  await test.drop();
});

async function contender(name: string, label: string, url = test.url) {
  const open = await openDatabase({ url, poolSize: 2 });
  opened.push(open);
  let lost = 0;
  const owner = new SoleOwner(open.database, {
    name,
    label,
    leaseMs: LEASE_MS,
    onLost: () => (lost += 1),
    onFailure: () => undefined,
  });
  const fenced = () => open.database.transaction(() => owner.hold());
  return { owner, fenced, lost: () => lost };
}

it('is one of many that begin at once; another one is as soon as it leaves', async () => {
  const all = await Promise.all(['a', 'b', 'c', 'd'].map((label) => contender('at-once', label)));
  await Promise.all(all.map(({ owner }) => owner.start()));
  const owners = () => all.filter(({ owner }) => owner.isOwner);
  await eventually(() => owners().length === 1, 'one of them is');
  await sleep(LEASE_MS);
  const [first] = owners() as [(typeof all)[number]];
  expect(owners()).toHaveLength(1);
  await first.fenced();
  for (const other of all.filter((one) => one !== first)) {
    await expect(other.fenced()).rejects.toThrow(OwnershipLost);
    expect(await other.owner.owner()).toBe(await first.owner.owner());
  }
  await first.owner.leave();
  await eventually(() => owners().length === 1 && owners()[0] !== first, 'another one is');
  await expect(first.fenced()).rejects.toThrow(OwnershipLost);
  await Promise.all(all.map(({ owner }) => owner.leave()));
});

it('knows by its own clock when it is none any more, before another one is; what it holds then is refused', async () => {
  const relay = await openRelay(test.url);
  const cut = await contender('cut-off', 'cut', relay.url);
  const next = await contender('cut-off', 'next');
  await cut.owner.start();
  await next.owner.start();
  expect([cut.owner.isOwner, next.owner.isOwner]).toEqual([true, false]);
  const both: boolean[] = [];
  const watching = setInterval(() => both.push(cut.owner.isOwner && next.owner.isOwner), 1);
  await relay.cut();
  await eventually(() => next.owner.isOwner, 'the next one is');
  clearInterval(watching);
  expect(both).not.toContain(true);
  expect(cut.lost()).toBe(1);
  await relay.restore();
  await expect(cut.fenced()).rejects.toThrow(OwnershipLost);
  await next.fenced();
  await sleep(LEASE_MS);
  expect([cut.owner.isOwner, next.owner.isOwner]).toEqual([false, true]);
  await Promise.all([cut.owner.leave(), next.owner.leave()]);
  await relay.close();
});

it('makes the next owner wait for a transaction that shows its token, and refuses one that comes too late', async () => {
  const one = await contender('fence', 'one');
  const two = await contender('fence', 'two');
  await one.owner.start();
  const { database } = opened.at(-2)!;
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const committing = database.transaction(async () => {
    await one.owner.hold();
    await held;
  });
  await sleep(100);
  await two.owner.start();
  const left = one.owner.leave();
  await sleep(300);
  expect(two.owner.isOwner).toBe(false);
  release();
  await committing;
  await left;
  await eventually(() => two.owner.isOwner, 'the second one is');
  await expect(one.fenced()).rejects.toThrow(OwnershipLost);
  await two.owner.leave();
});

it('knows of late timers: a process that was busy for longer than its lease is no owner when it comes to again', async () => {
  const { owner } = await contender('late timers', 'busy');
  await owner.start();
  expect(owner.isOwner).toBe(true);
  for (const until = performance.now() + LEASE_MS + 50; performance.now() < until;);
  expect(owner.isOwner).toBe(false);
  await eventually(() => owner.isOwner, 'it is again');
  await owner.leave();
});
