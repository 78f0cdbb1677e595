// What commands under the lock service read, from two processes' worth of connections: it stays so until they have committed.
import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandPipeline } from '@concord/commanding';
import { newId } from '@concord/kernel';
import { gate, type LockedSite, openLockedSite, openSums, run, storedTotal } from '../fixtures/locked-site.js';
import { inTenant, streamOf, Sum } from '../fixtures/two-pipelines.js';

let site: LockedSite;
beforeAll(async () => {
  site = await openLockedSite({ poolSize: 2, lockWaitMs: 60_000 });
});
afterAll(() => site.close());

const pipeline = (n: number): CommandPipeline => site.pipelines[n % 2]!;
const totalOf = (id: string): Promise<number> => storedTotal(site, id);
const opened = (...amounts: number[]): Promise<string[]> => openSums(site, amounts);
const serializable = { isolation: 'serializable', reads: [] } as const;
const snapshot = { isolation: 'snapshot', reads: [] } as const;

describe('reads', () => {
  // Each may be taken below zero as long as both together are not.
  const withdraw = (
    n: number,
    [mine, other]: string[],
    declared: typeof serializable | typeof snapshot,
    meets: Meeting,
  ) =>
    run(
      pipeline(n),
      async (aggregates) => {
        const seen = await aggregates.read(Sum, other!);
        const own = await aggregates.load(Sum, mine!);
        await meets.reached();
        if (own.state + seen.state >= 100) own.add(-own.state);
      },
      { declared },
    );

  it(
    'are locked: two commands that each read what the other changes do not both decide on what was before',
    inTenant(async () => {
      const ids = await opened(50, 50);
      const meets = meeting(2, 300);
      await Promise.all([withdraw(0, ids, serializable, meets), withdraw(1, ids.toReversed(), serializable, meets)]);
      const totals = await Promise.all(ids.map(totalOf));
      expect(totals.toSorted()).toEqual([0, 50]);
    }),
  );

  it(
    'are not, where the handler is declared a snapshot: both decide',
    inTenant(async () => {
      const ids = await opened(50, 50);
      const meets = meeting(2, 2000);
      await Promise.all([withdraw(0, ids, snapshot, meets), withdraw(1, ids.toReversed(), snapshot, meets)]);
      expect(await Promise.all(ids.map(totalOf))).toEqual([0, 0]);
    }),
  );

  it(
    'hold against commands that take no lock: what was read is the latest when the command commits',
    inTenant(async () => {
      const [read, changed] = await opened(1, 1);
      const seen: number[] = [];
      await run(pipeline(0), async (aggregates) => {
        const one = await aggregates.read(Sum, read!);
        const other = await aggregates.load(Sum, changed!);
        seen.push(one.state);
        if (seen.length === 1) {
          const append = {
            stream: streamOf(read!),
            expected: 'any',
            events: [{ id: newId(), type: 'Added', data: { by: 1 } }],
          } as const;
          await site.opened[1].database.outside(() => site.stores[1].append(append));
        }
        other.add(one.state);
      });
      expect(seen).toEqual([1, 2]);
      expect(await totalOf(changed!)).toBe(3);
    }),
  );

  it(
    'of several aggregates are of one moment, also where nothing is changed or the command is refused',
    inTenant(async () => {
      const ids = await opened(50, 50);
      for (const refuses of [false, true]) {
        let runs = 0;
        const reading = run(pipeline(0), async (aggregates) => {
          const one = await aggregates.read(Sum, ids[0]!);
          if ((runs += 1) === 1) await site.opened[1].database.outside(() => both(ids));
          const other = await aggregates.read(Sum, ids[1]!);
          if (refuses) throw new Error(`together ${one.state + other.state}`);
          return one.state + other.state;
        });
        const answer = refuses
          ? reading.catch((error: unknown) => (error as Error).message)
          : reading.then(({ value }) => value);
        expect(await answer).toBe(refuses ? 'together 100' : 100);
        expect(runs).toBe(2);
      }
    }),
  );

  it(
    'that turn into changes do not deadlock, shared or declared, and those that declare it do not run again',
    inTenant(async () => {
      for (const mayChange of [false, true]) {
        const [id, other] = await opened(0, 0);
        let runs = 0;
        const increment = (n: number) =>
          run(pipeline(n), async (aggregates) => {
            runs += 1;
            const [one] = await aggregates.readAll(Sum, [id!, other!], { mayChange });
            await sleep(5);
            one!.add(1);
          });
        // Of one process: where clocks differ, an older one may come later, and then another gives way.
        await Promise.all(Array.from({ length: 10 }, (_, n) => increment(mayChange ? 0 : n)));
        expect(await totalOf(id!)).toBe(10);
        if (mayChange) expect(runs).toBe(10);
        else expect(runs).toBeGreaterThan(10);
      }
    }),
    30_000,
  );

  it(
    'in an endless stream do not keep a change waiting',
    inTenant(async () => {
      const [id, other] = await opened(0, 0);
      let isChanged = false;
      const readOn = async (n: number): Promise<void> => {
        while (!isChanged)
          await run(pipeline(n), async (aggregates) => {
            await aggregates.readAll(Sum, [id!, other!]);
            await sleep(10 + 5 * n);
          });
      };
      const readers = Array.from({ length: 6 }, (_, n) => readOn(n));
      await sleep(100);
      const begun = performance.now();
      await run(pipeline(1), async (aggregates) => {
        const [one] = await aggregates.loadAll(Sum, [id!, other!]);
        one!.add(1);
      });
      isChanged = true;
      await Promise.all(readers);
      expect(performance.now() - begun).toBeLessThan(3000);
    }),
    20_000,
  );
});

/** Adds to both, by appends that take no lock. */
async function both(ids: readonly string[]): Promise<void> {
  for (const [n, id] of ids.entries()) {
    const by = n === 0 ? -10 : 10;
    await site.stores[1].append({
      stream: streamOf(id),
      expected: 'any',
      events: [{ id: newId(), type: 'Added', data: { by } }],
    });
  }
}

interface Meeting {
  reached(): Promise<void>;
}

/** Where so many wait for each other, or for so long. */
function meeting(count: number, atMostMs: number): Meeting {
  const all = gate();
  let here = 0;
  return {
    reached: async () => {
      if ((here += 1) === count) all.open();
      await Promise.race([all.opened, sleep(atMostMs)]);
    },
  };
}
