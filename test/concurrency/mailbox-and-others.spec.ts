// What a mailbox keeps in memory, while others change the stream: another process, a deletion, a handler that goes on too long.
import { setTimeout as sleep } from 'node:timers/promises';
import { Aggregates } from '@concord/commanding';
import { InvariantBroken } from '@concord/domain';
import { newId } from '@concord/kernel';
import {
  Add,
  add,
  inTenant,
  openTwoPipelines,
  streamOf,
  Sum,
  total,
  type TwoPipelines,
} from '../fixtures/two-pipelines.js';

let site: TwoPipelines;
beforeAll(async () => {
  site = await openTwoPipelines();
});
afterAll(() => site.close());

describe('a command that finds its aggregate in memory', () => {
  it(
    'decides on nothing that a repeat was applied to twice, whatever others append',
    inTenant(async () => {
      const [here, elsewhere] = site.pipelines;
      const id = newId();
      const commandId = newId();
      await add(here, id, 10, { commandId });
      await expect(add(here, id, 10, { commandId })).resolves.toMatchObject({ repeated: true });
      await add(elsewhere, id, -10);
      await expect(add(here, id, -15)).rejects.toThrow(InvariantBroken);
      expect(await total(site, id)).toBe(0);
    }),
  );

  it(
    'answers from the latest, also after somebody had decided on something stale',
    inTenant(async () => {
      const [here, elsewhere] = site.pipelines;
      const id = newId();
      await add(here, id, 5);
      await add(elsewhere, id, 1);
      await Promise.all([add(here, id, 1), add(here, id, 1, { during: () => sleep(100) })]);
      await expect(add(here, id, 0)).resolves.toMatchObject({ value: 8 });
      await add(elsewhere, id, 100);
      await expect(add(here, id, 0)).resolves.toMatchObject({ value: 108 });
      await add(here, id, -50);
      expect(await total(site, id)).toBe(58);
    }),
  );

  it.each([
    ['this process', 0],
    ['another process', 1],
  ] as const)('decides on nothing that %s has deleted', (_, index) =>
    inTenant(async () => {
      const [here] = site.pipelines;
      const id = newId();
      await add(here, id, 10);
      await site.stores[index].deleteStream(streamOf(id), 'any');
      await expect(add(here, id, -10)).rejects.toThrow(InvariantBroken);
      await expect(add(here, id, 0)).resolves.toMatchObject({ value: 0 });
      await add(here, id, 3);
      await expect(add(here, id, -4)).rejects.toThrow(InvariantBroken);
      expect(await total(site, id)).toBe(3);
    })(),
  );

  it(
    'decides on nothing that is deleted while it decides',
    inTenant(async () => {
      const [here] = site.pipelines;
      const id = newId();
      await add(here, id, 10);
      let deleted: Promise<unknown> | undefined;
      const during = () => (deleted ??= site.stores[1].deleteStream(streamOf(id), 'any'));
      await expect(add(here, id, -10, { during })).rejects.toThrow(InvariantBroken);
      expect(await total(site, id)).toBe(0);
    }),
  );

  it(
    'decides on nothing that new metadata hide',
    inTenant(async () => {
      const [here] = site.pipelines;
      const id = newId();
      for (const by of [10, 1, 1]) await add(here, id, by);
      await site.stores[1].writeStreamMetadata(streamOf(id), { maxCount: 2 });
      await expect(add(here, id, -3)).rejects.toThrow(InvariantBroken);
      await expect(add(here, id, 5)).resolves.toMatchObject({ value: 7 });
      await expect(add(here, id, 0)).resolves.toMatchObject({ value: 6 });
    }),
  );

  it(
    'is not held up by one that ended before a stream with metadata was loaded for it',
    inTenant(async () => {
      const [here] = site.pipelines;
      const id = newId();
      await site.stores[1].writeStreamMetadata(streamOf(id), { maxCount: 5 });
      let late!: Promise<unknown>;
      await here.run(new Add(0), () => {
        late = new Aggregates().load(Sum, id);
        late.catch(() => undefined);
        return Promise.resolve(0);
      });
      await expect(late).rejects.toThrow('has to await every load');
      const began = performance.now();
      await add(here, id, 1);
      expect(performance.now() - began).toBeLessThan(2500);
    }),
  );

  it(
    'appends nothing that a failed handler still did',
    inTenant(async () => {
      const [here] = site.pipelines;
      const id = newId();
      await add(here, id, 1);
      const failing = here.run(new Add(0), async () => {
        const sum = await new Aggregates().load(Sum, id);
        await Promise.all([sleep(20).then(() => sum.add(1000)), Promise.reject(new Error('refused'))]);
        return 0;
      });
      await expect(failing).rejects.toThrow('refused');
      await add(here, id, 1, { during: () => sleep(60) });
      expect(await total(site, id)).toBe(2);
    }),
  );

  it(
    'does not wait again for a handler that never ends',
    inTenant(async () => {
      const [here] = site.pipelines;
      const id = newId();
      await add(here, id, 1);
      let end!: () => void;
      const never = new Promise<void>((resolve) => (end = resolve));
      const stuck = add(here, id, 1, { during: () => never });
      await sleep(20);
      await add(here, id, 1);
      const began = performance.now();
      await Promise.all([add(here, id, 1), add(here, id, 1)]);
      expect(performance.now() - began).toBeLessThan(2500);
      end();
      await stuck;
      await add(here, id, 1);
      expect(await total(site, id)).toBe(6);
    }),
  );
});
