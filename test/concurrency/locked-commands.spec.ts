// Commands under the lock service, from two processes' worth of connections: each waits its turn without a connection, decides
// without a transaction on what nobody changes meanwhile, and is as if it ran alone.
import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandPipeline } from '@concord/commanding';
import { newId } from '@concord/kernel';
import {
  gate,
  type LockedSite,
  nothingIsLeft,
  openLockedSite,
  openSums,
  run,
  storedTotal,
  transfer,
  TransferAndNote,
} from '../fixtures/locked-site.js';
import { add, inTenant, Sum } from '../fixtures/two-pipelines.js';

let site: LockedSite;
beforeAll(async () => {
  site = await openLockedSite({ poolSize: 2, lockWaitMs: 60_000 });
  await site.opened[0].database.query({ text: 'create table notes (id text)' });
});
afterAll(() => site.close());

const pipeline = (n: number): CommandPipeline => site.pipelines[n % 2]!;
const totalOf = (id: string): Promise<number> => storedTotal(site, id);
const opened = (...amounts: number[]): Promise<string[]> => openSums(site, amounts);

describe('commands on several aggregates', () => {
  it(
    'all take effect as if one after the other, beside commands on one of them that take no lock',
    inTenant(async () => {
      const ids = await opened(1000, 1000, 1000, 1000);
      const work = Array.from({ length: 120 }, (_, n) => {
        const [from, to] = [ids[n % 4]!, ids[(n + 1 + (n % 3)) % 4]!];
        return n % 4 === 3 ? add(pipeline(n), from, 5) : transfer(pipeline(n), [from, to], 1);
      });
      await Promise.all(work);
      const totals = await Promise.all(ids.map(totalOf));
      expect(totals.reduce((sum, total) => sum + total)).toBe(4000 + 30 * 5);
      await nothingIsLeft(site);
    }),
  );

  it(
    'wait without a connection: 2,000 on one aggregate leave the others theirs, and wait for so long and no longer',
    inTenant(async () => {
      // Nothing here is about leases, and a busy machine may be late with a heartbeat.
      const short = await openLockedSite({ poolSize: 2, lockWaitMs: 6000, mailboxes: false, leaseMs: 60_000 });
      try {
        const [hot, ...others] = Array.from({ length: 3 }, newId);
        const inside = gate();
        const free = gate();
        const holder = run(short.pipelines[1], async (aggregates) => {
          const one = await aggregates.load(Sum, hot!);
          inside.open();
          await free.opened;
          one.add(1);
        });
        await inside.opened;
        const queued = Array.from({ length: 2000 }, (_, n) =>
          run(short.pipelines[n % 2]!, async (aggregates) => {
            const one = await aggregates.load(Sum, hot!);
            one.add(1);
          }).catch((error: unknown) => error),
        );
        await sleep(500);
        const meanwhile = Promise.race([
          transfer(short.pipelines[0], [others[0]!, others[1]!], 0).then(() => 'done'),
          ...queued.map((one) => one.then(() => 'the others gave up before')),
        ]);
        expect(await meanwhile).toBe('done');
        const answers = await Promise.all(queued);
        expect(new Set(answers.map((answer) => (answer as { code?: string }).code))).toEqual(
          new Set(['lock-wait-timeout']),
        );
        free.open();
        await holder;
        await transfer(short.pipelines[0], [hot!, others[0]!], 1);
      } finally {
        await short.close();
      }
    }),
    60_000,
  );

  it(
    'have no transaction open while they decide, unless they use the database; then the next ones begin with one',
    inTenant(async () => {
      const [one, other] = await opened(10, 10);
      const idle = async (): Promise<number> => {
        const text = `select count(*)::integer as count from pg_stat_activity
          where datname = current_database() and state = 'idle in transaction'`;
        return (await site.opened[1].database.query<{ count: number }>({ text }))[0]!.count;
      };
      const seen: number[] = [];
      await run(pipeline(0), async (aggregates) => {
        const [a, b] = await aggregates.loadAll(Sum, [one!, other!]);
        await site.opened[1].database.outside(async () => seen.push(await idle()));
        a!.add(-1);
        b!.add(1);
      });
      expect(seen.at(-1)).toBe(0);
      let runs = 0;
      const noting = () =>
        run(
          pipeline(0),
          async (aggregates) => {
            runs += 1;
            const [a, b] = await aggregates.loadAll(Sum, [one!, other!]);
            await site.opened[0].database.query({ text: 'insert into notes values ($1)' }, [one]);
            a!.add(-1);
            b!.add(1);
          },
          { command: new TransferAndNote(0) },
        );
      await noting();
      const first = runs;
      await noting();
      expect(runs - first).toBe(1);
      const notes = await site.opened[0].database.query({ text: 'select from notes where id = $1' }, [one]);
      expect(notes).toHaveLength(2);
      expect(await totalOf(one!)).toBe(7);
    }),
  );

  it(
    'that use the database, on as many connections as there are, come through though they want each other’s locks',
    inTenant(async () => {
      const ids = await opened(100, 100, 100);
      const noting = (n: number) =>
        run(
          pipeline(n),
          async (aggregates) => {
            // One by one, and in circles.
            const from = await aggregates.load(Sum, ids[n % 3]!);
            await site.opened[n % 2]!.database.query({ text: 'select 1' });
            const to = await aggregates.load(Sum, ids[(n + 1) % 3]!);
            from.add(-1);
            to.add(1);
          },
          { command: new TransferAndNote(0) },
        );
      await Promise.all(Array.from({ length: 30 }, (_, n) => noting(n)));
      expect(await Promise.all(ids.map(totalOf))).toEqual([100, 100, 100]);
      await nothingIsLeft(site);
    }),
    30_000,
  );

  it(
    'run again when their lock was lost while they decided, and nothing of the first attempt stays',
    inTenant(async () => {
      const [one, other] = await opened(10, 10);
      let runs = 0;
      await run(pipeline(0), async (aggregates) => {
        const [a, b] = await aggregates.loadAll(Sum, [one!, other!]);
        // As a wound or the end of the lease does it, and before this process has heard of it.
        if ((runs += 1) === 1)
          await site.opened[1].database.outside(() =>
            site.opened[1].database.query({ text: `update concord.lock_buckets set holds = '{}'` }),
          );
        a!.add(-runs);
        b!.add(runs);
      });
      expect(runs).toBe(2);
      expect(await Promise.all([one!, other!].map(totalOf))).toEqual([8, 12]);
    }),
  );
});

describe('many at once', () => {
  it(
    '50 clients want 4 aggregates in any order: everybody progresses',
    inTenant(async () => {
      const ids = await opened(1000, 1000, 1000, 1000);
      const wanted = Array.from({ length: 50 }, () => ids.toSorted(() => Math.random() - 0.5));
      await Promise.all(
        wanted.map((order, n) =>
          run(pipeline(n), async (aggregates) => {
            const sums: Sum[] = [];
            for (const id of order) sums.push(await aggregates.load(Sum, id));
            sums[0]!.add(-3);
            for (const sum of sums.slice(1)) sum.add(1);
          }),
        ),
      );
      const totals = await Promise.all(ids.map(totalOf));
      expect(totals.reduce((sum, total) => sum + total)).toBe(4000);
      await nothingIsLeft(site);
    }),
    30_000,
  );
});

describe('waiting', () => {
  it(
    'ends, with an error that names who holds the lock',
    inTenant(async () => {
      const short = await openLockedSite({ lockWaitMs: 200 });
      try {
        const free = gate();
        const inside = gate();
        const ids = [newId(), newId()];
        const holder = run(short.pipelines[1], async (aggregates) => {
          await aggregates.loadAll(Sum, ids);
          inside.open();
          await free.opened;
        });
        await inside.opened;
        await expect(transfer(short.pipelines[0], ids, 0)).rejects.toMatchObject({
          code: 'lock-wait-timeout',
          message: expect.stringContaining('process 1') as string,
          holders: [{ label: 'process 1', mode: 'X', holds: true }],
        });
        free.open();
        await holder;
      } finally {
        await short.close();
      }
    }),
  );
});
