import { InvalidArgument, newId, type StreamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { event, freshStream, inTenant, needing, streamsOf, to, type Opened } from './kit.js';

export function snapshots(stores: Opened): void {
  const { ofFive } = streamsOf(stores);
  const load = (stream: StreamName, version?: number, ...others: StreamName[]) =>
    stores.b.transaction(async () => (await stores.b.lockAndLoad([stream, ...others], version)).get(stream)!);
  const save = (
    stream: StreamName,
    revision: bigint,
    { version = 1, first = 0n, state = { at: Number(revision) } } = {},
  ) => stores.a.saveSnapshot(stream, { version, revision, first, state });
  const numbers = (events: readonly { data: unknown }[]) => events.map(({ data }) => (data as { n: number }).n);

  describe('snapshots', () => {
    needing('snapshots', stores)(
      'spare the events behind them, where they are asked for',
      inTenant(async () => {
        const [stream, other] = [await ofFive(), await ofFive()];
        await save(stream, 2n);
        for (const others of [[], [other]]) {
          const loaded = await load(stream, 1, ...others);
          expect(loaded).toMatchObject({ revision: 4n, first: 0n, snapshot: { state: { at: 2 }, revision: 2n } });
          expect(numbers(loaded.events)).toEqual([3, 4]);
          const whole = await load(stream, undefined, ...others);
          expect(whole.snapshot).toBeUndefined();
          expect(numbers(whole.events)).toEqual([0, 1, 2, 3, 4]);
          expect((await load(other, 1, ...others.map(() => stream))).snapshot).toBeUndefined();
        }
        await save(stream, 4n);
        const loaded = await load(stream, 1);
        expect(loaded).toMatchObject({ revision: 4n, events: [], snapshot: { state: { at: 4 }, revision: 4n } });
        await stores.b.transaction(async () => {
          await stores.b.lockAndLoad([stream], 1);
          await stores.b.append(to(stream, 4n));
        });
        expect((await load(stream, 1)).revision).toBe(5n);
      }),
    );

    needing('snapshots', stores)(
      'are of one tenant, of one version, and the newest of it stays',
      inTenant(async () => {
        const stream = await ofFive();
        await save(stream, 3n);
        await save(stream, 1n);
        expect((await load(stream, 1)).snapshot).toMatchObject({ revision: 3n });
        expect((await load(stream, 2)).snapshot).toBeUndefined();
        await save(stream, 2n, { version: 2 });
        expect((await load(stream, 1)).snapshot).toBeUndefined();
        expect((await load(stream, 2)).snapshot).toMatchObject({ revision: 2n });
        await runInTenant(`t-${newId()}`, async () => {
          await stores.a.append(to(stream, 'any', event(), event(), event()));
          expect((await load(stream, 2)).snapshot).toBeUndefined();
        });
      }),
    );

    needing('snapshots', stores)(
      'are ignored where a replay would begin elsewhere, or end before them',
      inTenant(async () => {
        const stream = await ofFive();
        await save(stream, 2n);
        await stores.a.writeStreamMetadata(stream, { truncateBefore: 1n });
        const truncated = await load(stream, 1);
        expect(truncated).toMatchObject({ first: 1n, revision: 4n });
        expect(truncated.snapshot).toBeUndefined();
        expect(numbers(truncated.events)).toEqual([1, 2, 3, 4]);
        await save(stream, 2n, { first: 1n });
        expect(numbers((await load(stream, 1)).events)).toEqual([3, 4]);
        const beyond = await ofFive();
        await save(beyond, 7n);
        expect(numbers((await load(beyond, 1)).events)).toEqual([0, 1, 2, 3, 4]);
      }),
    );

    needing('snapshots', stores)(
      'go with their stream',
      inTenant(async () => {
        const stream = await ofFive();
        await save(stream, 4n);
        await stores.a.deleteStream(stream, 'any');
        expect(await load(stream, 1)).toMatchObject({ events: [], revision: 4n, first: 5n });
        await stores.a.writeStreamMetadata(stream, {});
        expect((await load(stream, 1)).snapshot).toBeUndefined();
        expect((await load(stream, 1)).events).toHaveLength(5);
      }),
    );

    needing('snapshots', stores)(
      'are stored when the running transaction has committed, and not when it has not',
      inTenant(async () => {
        const stream = await ofFive();
        const failing = stores.a.transaction(async () => {
          await stores.a.append(to(stream, 4n));
          await save(stream, 5n);
          throw new Error('no');
        });
        await expect(failing).rejects.toThrow('no');
        await stores.a.append(to(stream, 4n, event('N', { n: 5 })));
        expect((await load(stream, 1)).snapshot).toBeUndefined();
        await stores.a.transaction(async () => {
          await stores.a.append(to(stream, 5n));
          await save(stream, 6n);
        });
        // It is on its way: the transaction did not wait for it.
        const deadline = Date.now() + 10_000;
        while (!(await load(stream, 1)).snapshot && Date.now() < deadline);
        expect((await load(stream, 1)).snapshot).toEqual({ state: { at: 6 }, revision: 6n });
      }),
    );

    needing('snapshots', stores)(
      'are JSON',
      inTenant(async () => {
        const stream = await ofFive();
        const attempt = save(stream, 2n, { state: { at: new Map() as never } });
        await expect(attempt).rejects.toThrow(InvalidArgument);
        const state = { text: 'é 漢', list: [1.5, null, { deep: true }] } as never;
        await save(freshStream(), 2n, { state });
        await save(stream, 2n, { state });
        expect((await load(stream, 1)).snapshot!.state).toStrictEqual(state);
      }),
    );
  });
}
