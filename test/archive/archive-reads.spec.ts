// Whatever is archived in whichever order, every read shows the same.
import type { RecordedEvent, StreamName } from '@concord/kernel';
import fc from 'fast-check';
import { ArchiveUnderTest, inTenant } from './kit.js';

let site: ArchiveUnderTest;
beforeAll(async () => {
  site = await ArchiveUnderTest.open();
});
afterAll(() => site.close());

const names = ['one-1', 'one-2', 'two-1'] as const;
type Step =
  | { readonly add: StreamName; readonly count: number }
  | { readonly archive: number; readonly eventsPerFile: number }
  | { readonly keep: number; readonly of: StreamName }
  | { readonly hide: true };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ add: fc.constantFrom(...names), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ archive: fc.double({ min: 0, max: 1, noNaN: true }), eventsPerFile: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ keep: fc.integer({ min: 1, max: 6 }), of: fc.constantFrom(...names) }),
  fc.constant({ hide: true as const }),
);

async function take(step: Step, all: readonly RecordedEvent[], kept: Map<StreamName, number>): Promise<void> {
  if ('add' in step) await site.add(step.add, step.count, step.count % 2 ? 'Odd' : 'Even');
  else if ('archive' in step) {
    const upTo = all[Math.floor(step.archive * all.length)]?.globalPosition ?? 0n;
    await site.store.archive({ upTo, eventsPerFile: step.eventsPerFile });
  } else if ('keep' in step) {
    await site.store.writeStreamMetadata(step.of, { maxCount: step.keep });
    kept.set(step.of, step.keep);
  } else await site.store.archive({ hidden: true, eventsPerFile: 3 });
}

describe('reads of an archive', () => {
  it('shows the same whatever was archived in whichever order, for every read', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 4, maxLength: 14 }),
        fc.infiniteStream(fc.nat(12)),
        (steps, numbers) =>
          inTenant(async () => {
            const all: RecordedEvent[] = [];
            const kept = new Map<StreamName, number>();
            for (const one of steps) {
              await take(one, all, kept);
              all.push(...(await site.feed({ after: all.at(-1)?.globalPosition ?? 0n })));
            }
            const number = (): number => numbers.next().value as number;
            expect(await site.feed({ limit: number() + 1 })).toEqual(all);
            expect(await site.feed({ limit: number() + 1, types: ['Odd'] })).toEqual(
              all.filter(({ type }) => type === 'Odd'),
            );
            expect(await site.feed({ limit: number() + 1, categories: ['one'] })).toEqual(
              all.filter(({ stream }) => stream.startsWith('one-')),
            );
            for (const stream of names) {
              const shown = all.filter((event) => event.stream === stream).slice(-(kept.get(stream) ?? Infinity));
              const [from, limit] = [BigInt(number()), number()];
              expect(await site.read(stream)).toEqual(shown);
              expect((await site.load(stream)).events).toEqual(shown.map(({ type, data }) => ({ type, data })));
              const later = shown.filter((event) => event.streamPosition >= from);
              expect(await site.read(stream, { from, limit })).toEqual(later.slice(0, limit));
              const earlier = shown.filter((event) => event.streamPosition <= from).toReversed();
              expect(await site.read(stream, { direction: 'backwards', from, limit })).toEqual(earlier.slice(0, limit));
            }
          })(),
      ),
      { numRuns: 25 },
    );
  });
});
