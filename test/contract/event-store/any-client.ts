// What clients other than domain code need of a store: names of any form, payloads that are text already, and metadata
// that are appended to their stream.
import { JsonText } from '@concord/event-store';
import { InvalidArgument, metadataStreamOf, newId, type StreamName } from '@concord/kernel';
import { all, event, freshStream, inTenant, to, type Opened, wholeFeed } from './kit.js';

export function anyClient(stores: Opened): void {
  describe('any client', () => {
    it(
      'names streams as it likes, and each is a stream of its own',
      inTenant(async () => {
        const names = [
          'nodash',
          'a b-1',
          'a-',
          '-',
          'a/b?c=1',
          '漢字-é🏦',
          '$system',
          'x'.repeat(470),
          '\u{1f3e6}'.repeat(230),
        ];
        for (const name of names) await stores.a.append(to(name as StreamName, 'no-stream', event(name.slice(0, 50))));
        for (const name of names) {
          const read = await all(stores.b.readStream(name as StreamName));
          expect(read.map(({ stream, type }) => [stream, type])).toEqual([[name, name.slice(0, 50)]]);
        }
        expect((await wholeFeed(stores.b)).map(({ stream }) => stream)).toEqual(names);
        const { events } = await stores.a.readFeed({ categories: ['a b', 'nodash'] });
        expect(events.map(({ stream }) => stream)).toEqual(['nodash', 'a b-1']);
      }),
    );

    it.each(['alone', 'together'])(
      'gives data as JSON text, %s, which is read as what it stands for and recognised when it comes again',
      (way) =>
        inTenant(async () => {
          const stream = freshStream();
          const texts = ['{"b":1.0,"a":[ ]}', '[1e2]', '1.50', 'true'];
          const events = texts.map((text) => ({ ...event('Text'), data: new JsonText(text) }));
          const append = async () =>
            way === 'together'
              ? await stores.a.append(to(stream, 'any', ...events))
              : (await Promise.all(events.map((one) => stores.a.append(to(stream, 'any', one))))).flat();
          await append();
          const again = (await append()).flatMap((result) => result.events);
          if (stores.can.recordedAnswers) expect(again).toEqual([]);
          const read = await all(stores.b.readStream(stream));
          expect(read.map(({ data }) => data)).toEqual(texts.map((text) => JSON.parse(text) as unknown));
        })(),
    );

    it.each(['{oops', '', ' {}', '"text"', '{"a":"\\u0000"}', '["\\ud800"]', '{"a\\u0000":1,"a\\u0000":2}'])(
      'is refused the text %j',
      (text) => {
        expect(() => new JsonText(text)).toThrow(InvalidArgument);
      },
    );

    it(
      'writes metadata by appending them to their stream',
      inTenant(async () => {
        const stream = freshStream();
        await stores.a.append(to(stream, 'any', event(), event(), event()));
        const metadata = (data: unknown) => ({ id: newId(), type: '$metadata', data });
        const target = metadataStreamOf(stream);
        const [first] = await stores.a.append(to(target, 'no-stream', metadata(new JsonText('{"$maxCount": 2}'))));
        expect(first).toMatchObject({ stream: target, revision: 0n });
        expect(await all(stores.b.readStream(stream))).toHaveLength(2);
        expect((await stores.b.readStreamMetadata(stream)).metadata).toEqual({ maxCount: 2 });
        const late = stores.a.append(to(target, 'no-stream', metadata({ $maxCount: 1 })));
        await expect(late).rejects.toMatchObject({ code: 'wrong-expected-version' });
        await stores.a.append(to(target, 0n, metadata(new JsonText('{"$tb":9223372036854775807}'))));
        expect(await stores.b.readStreamMetadata(stream)).toMatchObject({ state: 'deleted' });
        expect(await all(stores.b.readStream(stream))).toEqual([]);
      }),
    );

    it.each<[string, object[]]>([
      ['another event', [event()]],
      ['two at once', [{ ...event('$metadata', {}) }, { ...event('$metadata', {}) }]],
      ['no object', [event('$metadata', [1])]],
      ['a count that is none', [event('$metadata', { $maxCount: 0 })]],
      ['half a position', [event('$metadata', { $tb: 1.5 })]],
    ])('is refused metadata: %s', (_, events) =>
      inTenant(async () => {
        const stream = freshStream();
        const attempt = stores.a.append(to(metadataStreamOf(stream), 'any', ...(events as ReturnType<typeof event>[])));
        await expect(attempt).rejects.toThrow(InvalidArgument);
        expect((await stores.a.readStreamMetadata(stream)).revision).toBe(-1n);
      })(),
    );

    it(
      'is refused metadata of metadata, and metadata beside other appends',
      inTenant(async () => {
        const metadata = () => ({ id: newId(), type: '$metadata', data: {} });
        await expect(stores.a.append(to('$$$$a-1', 'any', metadata()))).rejects.toThrow(InvalidArgument);
        const beside = stores.a.append(to('a-1', 'any'), to('$$a-1', 'any', metadata()));
        await expect(beside).rejects.toThrow(InvalidArgument);
        expect(await all(stores.a.readStream('a-1'))).toEqual([]);
      }),
    );
  });
}
