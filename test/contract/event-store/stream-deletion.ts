import { type ExpectedVersion, newId } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { all, event, freshStream, inTenant, lacking, needing, streamsOf, to, wholeFeed, type Opened } from './kit.js';

export function streamDeletion(stores: Opened): void {
  const { shown, ofFive, load } = streamsOf(stores);

  describe('soft delete', () => {
    it(
      'shows nothing any more, keeps the other metadata, and leaves the feed as it is',
      inTenant(async () => {
        const stream = await ofFive();
        await stores.a.writeStreamMetadata(stream, { maxCount: 4, custom: { k: 1 } });
        await stores.a.deleteStream(stream, 4n);
        expect(await shown(stream)).toEqual([]);
        expect(await load(stream)).toMatchObject({
          events: [],
          ...(stores.can.knowsHiddenEnds && { revision: 4n, first: 5n }),
        });
        expect(await stores.b.readStreamMetadata(stream)).toEqual({
          metadata: { maxCount: 4, truncateBefore: 5n, custom: { k: 1 } },
          revision: 1n,
          state: 'deleted',
        });
        expect(await wholeFeed(stores.b)).toHaveLength(7);
      }),
    );

    it.each<[ExpectedVersion, boolean]>([
      ['no-stream', true],
      ['any', true],
      [4n, true],
      [3n, false],
      [5n, false],
      ['stream-exists', false],
    ])('an append that expects %s afterwards is accepted: %s', async (expected, accepted) => {
      await runInTenant(`t-${newId()}`, async () => {
        for (const locked of [false, true]) {
          const stream = await ofFive();
          await stores.a.deleteStream(stream, 'any');
          const attempt = stores.b.transaction(async () => {
            if (locked) await stores.b.lockAndLoad([stream]);
            return stores.b.append(to(stream, expected));
          });
          if (accepted) await expect(attempt).resolves.toMatchObject([{ revision: 5n }]);
          else await expect(attempt).rejects.toMatchObject({ code: 'wrong-expected-version', expected });
          expect(await shown(stream)).toEqual(accepted ? [5] : []);
          expect(await stores.a.readStreamMetadata(stream)).toMatchObject({ state: accepted ? 'active' : 'deleted' });
          if (accepted) await expect(stores.b.append(to(stream, 'no-stream'))).rejects.toMatchObject({ actual: 5n });
        }
      });
    });

    it(
      'is undone by metadata that truncate nothing, and done by metadata that truncate everything',
      inTenant(async () => {
        const stream = await ofFive();
        const written = await stores.a.writeStreamMetadata(stream, { truncateBefore: 2n ** 63n - 1n });
        if (stores.can.recordedAnswers) expect(written.events.map(({ data }) => data)).toEqual([{ $tb: 5 }]);
        expect(await stores.a.readStreamMetadata(stream)).toMatchObject({ state: 'deleted' });
        await stores.a.writeStreamMetadata(stream, {});
        expect(await stores.a.readStreamMetadata(stream)).toMatchObject({ state: 'active' });
        expect(await shown(stream)).toHaveLength(5);
      }),
    );

    it.each<[ExpectedVersion, boolean]>([
      ['any', true],
      ['stream-exists', true],
      [4n, true],
      ['no-stream', false],
      [3n, false],
    ])('and tombstone of a stream at 4 that expect %s are done: %s', async (expected, done) => {
      await runInTenant(`t-${newId()}`, async () => {
        for (const remove of ['deleteStream', 'tombstoneStream'] as const) {
          const stream = await ofFive();
          const attempt = stores.a[remove](stream, expected);
          if (done) expect(await attempt).toBe((await wholeFeed(stores.b)).at(-1)!.globalPosition);
          else await expect(attempt).rejects.toMatchObject({ code: 'wrong-expected-version', expected, actual: 4n });
          const { state } = await stores.a.readStreamMetadata(stream);
          expect(state).toBe(done ? (remove === 'deleteStream' ? 'deleted' : 'tombstoned') : 'active');
        }
      });
    });
  });

  describe('tombstone', () => {
    it(
      'refuses whatever comes after it, by whichever way',
      inTenant(async () => {
        for (const before of ['nothing', 'events', 'deletion']) {
          const stream = before === 'nothing' ? freshStream() : await ofFive();
          if (before === 'deletion') await stores.a.deleteStream(stream, 'any');
          await stores.a.tombstoneStream(stream, 'any');
          const other = freshStream();
          const inTransaction = (work: () => Promise<unknown>) => stores.b.transaction(work);
          const attempts: (() => Promise<unknown>)[] = [
            ...(['any', 'no-stream', 'stream-exists', 4n, 2n ** 63n - 1n] as const).map(
              (expected) => () => stores.b.append(to(stream, expected)),
            ),
            () => stores.b.append(to(stream, 'any', event(), event())),
            ...(stores.can.multiStreamAppend ? [() => stores.b.append(to(other, 'any'), to(stream, 'any'))] : []),
            () => inTransaction(() => stores.b.append(to(stream, 'any'))),
            () => inTransaction(() => stores.b.lockAndLoad([stream])),
            () => inTransaction(() => stores.b.lockAndLoad([stream, other])),
            () => all(stores.b.readStream(stream)),
            () => all(stores.b.readStream(stream, { direction: 'backwards' })),
            () => stores.b.writeStreamMetadata(stream, {}),
            () => stores.b.deleteStream(stream, 'any'),
            () => stores.b.tombstoneStream(stream, 'any'),
          ];
          for (const attempt of attempts) {
            await expect(attempt()).rejects.toMatchObject({ code: 'stream-deleted', stream });
          }
          expect(await stores.b.readStreamMetadata(stream)).toMatchObject({ state: 'tombstoned' });
          expect(await all(stores.b.readStream(other))).toEqual([]);
        }
      }),
    );

    needing('streamLifeInTransaction', stores)(
      'holds in the very transaction that set it, with the stream loaded before',
      inTenant(async () => {
        const stream = await ofFive();
        const attempt = stores.a.transaction(async () => {
          await stores.a.lockAndLoad([stream]);
          await stores.a.tombstoneStream(stream, 4n);
          await stores.a.append(to(stream, 4n));
        });
        await expect(attempt).rejects.toMatchObject({ code: 'stream-deleted' });
        expect(await shown(stream)).toHaveLength(5);
      }),
    );

    it(
      'stands in the feed behind the events, which stay',
      inTenant(async () => {
        const stream = await ofFive();
        await stores.a.tombstoneStream(stream, 'any');
        const feed = await wholeFeed(stores.b);
        expect(feed.map(({ type }) => type)).toEqual(['N', 'N', 'N', 'N', 'N', '$streamDeleted']);
        expect(feed.at(-1)).toMatchObject({ stream, streamPosition: 2n ** 63n - 1n, data: {} });
      }),
    );

    it(
      'and deletions are of one tenant',
      inTenant(async () => {
        const stream = await ofFive();
        await runInTenant(`t-${newId()}`, () => stores.a.tombstoneStream(stream, 'any'));
        await runInTenant(`t-${newId()}`, () => stores.a.deleteStream(stream, 'any'));
        expect(await shown(stream)).toHaveLength(5);
      }),
    );
  });

  lacking('streamLifeInTransaction', stores)(
    'is refused within a transaction',
    inTenant(async () => {
      const stream = await ofFive();
      for (const change of [
        () => stores.a.deleteStream(stream, 'any'),
        () => stores.a.tombstoneStream(stream, 'any'),
        () => stores.a.writeStreamMetadata(stream, { maxCount: 1 }),
      ]) {
        await expect(stores.a.transaction<unknown>(change)).rejects.toMatchObject({ code: 'not-supported-by-store' });
      }
      expect(await shown(stream)).toHaveLength(5);
    }),
  );

  it(
    'races: an append and a deletion at the same version, one wins',
    inTenant(async () => {
      for (const remove of ['deleteStream', 'tombstoneStream'] as const) {
        for (let round = 0; round < 10; round += 1) {
          const stream = await ofFive();
          const [appended, removed] = await Promise.allSettled([
            stores.a.append(to(stream, 4n)),
            stores.b[remove](stream, 4n),
          ]);
          const state = await stores.a.readStreamMetadata(stream);
          if (removed.status === 'rejected') {
            expect(removed.reason).toMatchObject({ code: 'wrong-expected-version', actual: 5n });
            expect(appended.status).toBe('fulfilled');
            expect(await shown(stream)).toHaveLength(6);
          } else if (remove === 'tombstoneStream') {
            expect(appended).toMatchObject({ reason: { code: 'stream-deleted' } });
            expect(state.state).toBe('tombstoned');
          } else {
            // The append came after it: it expects the last position, which brings the stream back.
            expect(appended.status).toBe('fulfilled');
            expect(await shown(stream)).toEqual([5]);
          }
        }
      }
    }),
  );
}
