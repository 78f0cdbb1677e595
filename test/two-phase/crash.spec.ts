// kill -9 at every named point of the protocol: of the coordinator, of a service that takes part, and of who recovers. The long
// form, with stores that are killed too, is npm run transactions:crash.
import { failpoints } from '@concord/coordination';
import { inTenant } from './kit.js';
import { Purse } from './purse.js';
import { SERVICE } from './service.js';
import { type Failpoint, killCoordinatorAt, movesOf } from './victims.js';
import { World } from './world.js';

const AT_ONCE = 3;

let world: World;
const filled: string[] = [];

beforeAll(async () => {
  world = await World.open();
  await world.startService();
}, 60_000);
afterAll(() => world.close());

async function filledPurse(name: string): Promise<string> {
  const purse = name.replace('.', '_');
  await world.fill(purse, 1000n);
  filled.push(purse);
  return purse;
}

it('a coordinator that is killed at any of its points leaves nothing behind', async () => {
  const points = failpoints.names.filter((point) => point.startsWith('coordinator.'));
  const kill = async (point: Failpoint): Promise<void> => {
    const purse = await filledPurse(point);
    await killCoordinatorAt(point, { ...world.settings, purse, rounds: 20 });
  };
  const left = [...points];
  const worker = async (): Promise<void> => {
    for (let point = left.shift(); point; point = left.shift()) await kill(point);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await world.judge(filled);
}, 120_000);

it('who takes over and is killed in its turn leaves it to the next', async () => {
  const due = { text: `update concord.transactions set next_attempt_at = now() where state <> 'preparing'` };
  const purse = await filledPurse('recovery');
  await world.side.coordinator.stop();
  for (const point of ['coordinator.decided', 'recovery.claimed', 'recovery.told'] as const) {
    const recovers = point.startsWith('recovery.');
    await killCoordinatorAt(point, { ...world.settings, purse, rounds: recovers ? 0 : 20, recovers });
    await world.side.a.database.query(due);
  }
  const open = await world.side.coordinator.transactions();
  expect(open).toMatchObject([{ state: 'committed' }]);
  await world.side.coordinator.start();
  await world.judge(filled);
}, 60_000);

it.each(failpoints.names.filter((point) => point.startsWith('participant.')))(
  'a service that is killed at %s comes back and agrees',
  async (point) => {
    const purse = await filledPurse(`service_${point}`);
    const { coordinator } = world.side;
    const move = (amount: bigint) =>
      inTenant(() =>
        coordinator.transaction(async (transaction) => {
          (await transaction.store('a').load(Purse, purse)).move(-amount);
          transaction.enlist(SERVICE, { purse, amount: amount.toString() });
        }),
      );
    // For the steps of an abort: the store here has voted yes when the service is asked to give up what it prepared.
    const abort = () =>
      inTenant(() =>
        coordinator.transaction(async (transaction) => {
          (await transaction.store('b').load(Purse, purse)).move(1n);
          transaction.enlist(SERVICE, { purse, amount: '-1' });
          await world.side.b.locks.release(transaction.store('b').owner);
        }),
      );
    if (point.includes('abort')) await move(1n);
    let failed = false;
    const signal = await world.killServiceAt(point, () =>
      (point.includes('abort') ? abort() : move(1n)).catch(() => (failed = true)),
    );
    expect([signal, failed]).toEqual(['SIGKILL', !point.includes('commit')]);
    await world.startService();
    await world.judge(filled);
    const moved = (await movesOf(world.c.store)).filter(({ stream }) => stream === `purse-${purse}`).length;
    expect(moved).toBe(Number(!point.includes('prepare')));
  },
  30_000,
);

it('equal increments over all stores: the same number, and in the same order everywhere', async () => {
  const purse = await filledPurse('equal');
  const increment = (n: number) =>
    inTenant(() =>
      world.side.coordinator.transaction(async (transaction) => {
        for (const name of n % 2 ? ['a', 'b'] : ['b', 'a']) {
          (await transaction.store(name).load(Purse, purse)).move(name === 'a' ? 1n : -2n);
        }
        transaction.enlist(SERVICE, { purse, amount: '1' });
      }),
    );
  const results = await Promise.all(Array.from({ length: 20 }, (_, n) => increment(n)));
  expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['committed']));
  await world.judge(filled);
  const orders = await Promise.all(
    [world.side.a, world.side.b, world.c].map(async ({ store }) => {
      const moves = (await movesOf(store)).filter(({ stream }) => stream === `purse-${purse}`);
      return moves.filter(({ amount }) => amount < 1000n).map(({ transaction }) => transaction);
    }),
  );
  expect(orders[0]).toHaveLength(20);
  expect([orders[1], orders[2]]).toEqual([orders[0], orders[0]]);
}, 60_000);
