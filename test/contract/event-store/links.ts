import { linkTo } from '@concord/event-store';
import { newId, type RecordedEvent, type StreamName } from '@concord/kernel';
import { all, event, freshStream, inTenant, streamsOf, to, wholeFeed, type Opened } from './kit.js';

export function links(stores: Opened): void {
  const { ofFive } = streamsOf(stores);
  const resolved = (stream: StreamName, options: object = {}) =>
    all(stores.b.readStream(stream, { ...options, resolveLinks: true }));
  const at = (events: readonly RecordedEvent[]) =>
    events.map(({ stream, streamPosition }) => `${streamPosition}@${stream}`);

  describe('links', () => {
    it(
      'are events, and are read as the events they stand for when one asks for that',
      inTenant(async () => {
        const [one, two, list] = [await ofFive(), await ofFive(), freshStream('list')];
        const targets = [...(await all(stores.a.readStream(one))), ...(await all(stores.a.readStream(two)))];
        const chosen = [targets[7]!, targets[0]!, targets[4]!];
        await stores.a.append(
          to(list, 'no-stream', linkTo(chosen[0]!), event('Own'), linkTo(chosen[1]!), linkTo(chosen[2]!)),
        );
        const plain = await all(stores.b.readStream(list));
        expect(plain.map(({ type, data }) => ({ type, data }))).toEqual([
          { type: '$>', data: `2@${two}` },
          { type: 'Own', data: { n: 1 } },
          { type: '$>', data: `0@${one}` },
          { type: '$>', data: `4@${one}` },
        ]);
        const events = await resolved(list);
        expect(events).toEqual([
          { ...chosen[0], link: plain[0] },
          plain[1],
          { ...chosen[1], link: plain[2] },
          { ...chosen[2], link: plain[3] },
        ]);
        expect(await resolved(list, { direction: 'backwards' })).toEqual(events.toReversed());
        expect(await resolved(list, { from: 1n, limit: 2 })).toEqual(events.slice(1, 3));
        const { events: feed } = await stores.b.readFeed({ categories: ['list'], resolveLinks: true });
        expect(feed).toEqual(events);
        expect(at(await wholeFeed(stores.b)).slice(10)).toEqual(at(plain));
      }),
    );

    it(
      'stay as they are when their event is not there, truncated, deleted, buried, or of another tenant',
      inTenant(async () => {
        const [kept, truncated, deleted, buried] = [await ofFive(), await ofFive(), await ofFive(), await ofFive()];
        const list = freshStream('list');
        const pointing = (stream: StreamName, streamPosition: bigint) => linkTo({ stream, streamPosition });
        const broken = { id: newId(), type: '$>', data: 'nonsense' };
        const odd = { id: newId(), type: '$>', data: { no: 'text' } };
        await stores.a.append(
          to(
            list,
            'no-stream',
            ...[pointing(kept, 4n), pointing(kept, 5n), pointing(freshStream(), 0n), pointing(truncated, 1n)],
            ...[pointing(truncated, 2n), pointing(deleted, 4n), pointing(buried, 0n), broken, odd],
            pointing(buried, 10n ** 18n - 1n),
          ),
        );
        await stores.a.writeStreamMetadata(truncated, { truncateBefore: 2n });
        await stores.a.deleteStream(deleted, 'any');
        await stores.a.tombstoneStream(buried, 'any');
        const seen = (await resolved(list)).map((found, index) => (found.link ? 'event' : `${index} ${found.type}`));
        expect(seen).toEqual(['event', '1 $>', '2 $>', '3 $>', 'event', '5 $>', '6 $>', '7 $>', '8 $>', '9 $>']);
      }),
    );

    it(
      'of many are resolved in order',
      inTenant(async () => {
        const [stream, list] = [freshStream(), freshStream('list')];
        await stores.a.append(to(stream, 'any', ...Array.from({ length: 450 }, (_, n) => event('N', { n }))));
        const back = Array.from({ length: 450 }, (_, n) => linkTo({ stream, streamPosition: BigInt(449 - n) }));
        await stores.a.append(to(list, 'any', ...back));
        const numbers = (await resolved(list)).map(({ data }) => (data as { n: number }).n);
        expect(numbers).toEqual(Array.from({ length: 450 }, (_, n) => 449 - n));
      }),
    );
  });
}
