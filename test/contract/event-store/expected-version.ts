import { type ExpectedVersion, WrongExpectedVersion } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { all, event, freshStream, to, type Opened } from './kit.js';

export function expectedVersion(stores: Opened): void {
  describe('expected version', () => {
    const cases: [ExpectedVersion, boolean, boolean][] = [
      // expected, on a stream that is not there, on a stream with two events
      ['any', true, true],
      ['no-stream', true, false],
      ['stream-exists', false, true],
      [0n, false, false],
      [1n, false, true],
      [2n, false, false],
    ];
    it.each(cases)('%s', async (expected, onMissing, onTwo) => {
      await runInTenant('t-expect', async () => {
        const [missing, two] = [freshStream(), freshStream()];
        await stores.a.append(to(two, 'no-stream', event(), event()));
        for (const [stream, accepted, actual] of [
          [missing, onMissing, -1n],
          [two, onTwo, 1n],
        ] as const) {
          const attempt = stores.a.append(to(stream, expected));
          if (accepted) await expect(attempt).resolves.toMatchObject([{ revision: actual + 1n }]);
          else
            await expect(attempt).rejects.toMatchObject({ code: 'wrong-expected-version', stream, expected, actual });
        }
      });
    });

    it.each<[ExpectedVersion, boolean, number]>([
      ['no-stream', false, 1],
      [0n, true, 1],
      ['any', false, 20],
      ['any', true, 20],
      ['stream-exists', true, 20],
      ['stream-exists', false, 0],
    ])(
      '%s lets as many of twenty at once through as it promises (stream exists: %s): %s',
      async (expected, exists, promised) => {
        await runInTenant('t-race', async () => {
          const stream = freshStream();
          if (exists) await stores.a.append(to(stream, 'no-stream'));
          const attempts = await Promise.allSettled(
            Array.from({ length: 20 }, (_, index) => (index % 2 ? stores.a : stores.b).append(to(stream, expected))),
          );
          const refused = attempts.filter((attempt) => attempt.status === 'rejected');
          expect(attempts.length - refused.length).toBe(promised);
          for (const attempt of refused) expect(attempt.reason).toBeInstanceOf(WrongExpectedVersion);
          const stored = await all(stores.a.readStream(stream));
          expect(stored.map((recorded) => Number(recorded.streamPosition))).toEqual(
            Array.from({ length: promised + (exists ? 1 : 0) }, (_, index) => index),
          );
        });
      },
    );
  });
}
