import type { AppendRequest, EventStore } from '@concord/event-store';
import { InvalidArgument, newId, runInMessage, type StreamName } from '@concord/kernel';
import { runInTenant, TenantMissing } from '@concord/tenancy';
import { all, event, freshStream, inTenant, to, type Opened } from './kit.js';

export function appendAndRead(stores: Opened): void {
  describe('append and read', () => {
    it(
      'gives back what was appended, with its place in stream and store',
      inTenant(async () => {
        const stream = freshStream();
        const [first, second] = [event('First', { a: [1, { b: null }] }), event('Second', 'text')];
        const [result] = await stores.a.append(to(stream, 'no-stream', first, second));
        expect(result).toMatchObject({ stream, revision: 1n });
        const read = await all(stores.b.readStream(stream));
        expect(read.map(({ id, type, data, streamPosition }) => ({ id, type, data, streamPosition }))).toEqual([
          { id: first.id, type: 'First', data: { a: [1, { b: null }] }, streamPosition: 0n },
          { id: second.id, type: 'Second', data: 'text', streamPosition: 1n },
        ]);
        expect(read[1]!.globalPosition).toBe(result!.globalPosition);
        expect(read[0]!.globalPosition).toBeLessThan(read[1]!.globalPosition);
        expect(result!.events).toEqual(read);
      }),
    );

    it(
      'keeps correlation, causation, tenant and time beside further metadata',
      inTenant(async () => {
        const stream = freshStream();
        await runInMessage({ correlationId: 'c-1', causationId: 'm-1' }, () =>
          stores.a.append(to(stream, 'any', { ...event(), metadata: { user: 'u-1' } })),
        );
        const [recorded] = await all(stores.a.readStream(stream));
        expect(recorded!.metadata).toMatchObject({ correlationId: 'c-1', causationId: 'm-1', user: 'u-1' });
        expect(recorded!.metadata.tenantId).toMatch(/^t-/);
        expect(Math.abs(recorded!.metadata.recordedAt.getTime() - Date.now())).toBeLessThan(60_000);
      }),
    );

    it(
      'reads from a position, both ways, up to a limit, and nothing of a stream that is not there',
      inTenant(async () => {
        const stream = freshStream();
        await stores.a.append(to(stream, 'any', ...Array.from({ length: 5 }, () => event())));
        const positions = async (options: Parameters<EventStore['readStream']>[1]) =>
          (await all(stores.a.readStream(stream, options))).map((recorded) => Number(recorded.streamPosition));
        expect(await positions({ from: 2n })).toEqual([2, 3, 4]);
        expect(await positions({ from: 1n, limit: 2 })).toEqual([1, 2]);
        expect(await positions({ direction: 'backwards' })).toEqual([4, 3, 2, 1, 0]);
        expect(await positions({ direction: 'backwards', from: 2n, limit: 2 })).toEqual([2, 1]);
        expect(await positions({ from: 9n })).toEqual([]);
        expect(await positions({ limit: 0 })).toEqual([]);
        expect(await all(stores.a.readStream(freshStream()))).toEqual([]);
      }),
    );

    it(
      'reads a stream of several pages whole, both ways',
      inTenant(async () => {
        const stream = freshStream();
        for (let batch = 0; batch < 5; batch += 1) {
          await stores.a.append(to(stream, 'any', ...Array.from({ length: 500 }, () => event())));
        }
        const forwards = (await all(stores.a.readStream(stream))).map((recorded) => Number(recorded.streamPosition));
        expect(forwards).toEqual(Array.from({ length: 2500 }, (_, index) => index));
        const backwards = await all(stores.a.readStream(stream, { direction: 'backwards', limit: 2100 }));
        expect(backwards.map((recorded) => Number(recorded.streamPosition))).toEqual(forwards.reverse().slice(0, 2100));
      }),
    );

    it(
      'keeps payloads exactly',
      inTenant(async () => {
        const data = {
          numbers: [0, 1.1, 1e21, 5e-324, 1.7976931348623157e308, Number.MAX_SAFE_INTEGER, -0.5, 1e-7],
          text: 'é 漢字 🏦 \u2028 " \\ / \n \u0001 \uffff',
          keys: { b: 1, a: 2, '': 3, __proto__x: 4, 'a.b': 5 },
          deep: [[[[{ x: [null, true, false] }]]]],
        };
        const stream = freshStream();
        await stores.a.append(to(stream, 'any', event('Exact', data)));
        const [recorded] = await all(stores.b.readStream(stream));
        expect(recorded!.data).toStrictEqual(data);
        expect(JSON.stringify(recorded!.data)).toBe(JSON.stringify(data));
      }),
    );

    it.each([null, '', 'a "text" \\ é', 0, -1.5, true, [], {}])(
      'keeps the payload %j, alone and among others',
      async (data) => {
        await runInTenant(`t-${newId()}`, async () => {
          const stream = freshStream();
          const events = Array.from({ length: 3 }, () => event('Plain', data));
          await stores.a.append(to(stream, 'no-stream', events[0]!));
          const other = stores.can.multiStreamAppend ? [to(freshStream(), 'no-stream', event('Plain', data))] : [];
          const several = [to(stream, 0n, ...events.slice(1)), ...other];
          // The second time they are recognised.
          for (let time = 0; time < 2; time += 1) await stores.a.append(...several);
          const recorded = await all(stores.b.readStream(stream));
          expect(recorded.map((one) => one.data)).toStrictEqual([data, data, data]);
        });
      },
    );

    it.each([
      ['U+0000', { text: 'a\u0000b' }, /\$\.text .*U\+0000/],
      ['U+0000 in a key', { 'a\u0000': 1 }, /U\+0000/],
      ['a lone surrogate', ['\ud800'], /\$\[0\] .*surrogate/],
      ['NaN', { amount: NaN }, /\$\.amount is NaN/],
      ['Infinity', [Infinity], /Infinity/],
      ['-0', -0, /-0/],
      ['a bigint', { n: 1n }, /bigint/],
      ['a date', { at: new Date(0) }, /\$\.at is a Date/],
      ['undefined in an array', [undefined], /\$\[0\] is a undefined/],
      ['a function', { f: () => 1 }, /function/],
      ['nothing', undefined, /has no data/],
    ])('refuses %s in a payload, says where, and changes nothing', async (_, data, message) => {
      await runInTenant('t-refuse', async () => {
        const stream = freshStream();
        const attempt = stores.a.append(to(stream, 'any', event(), { id: newId(), type: 'Bad', data }));
        await expect(attempt).rejects.toThrow(InvalidArgument);
        await expect(attempt).rejects.toThrow(message);
        expect(await all(stores.a.readStream(stream))).toEqual([]);
      });
    });

    it.each<[string, AppendRequest[]]>([
      ['no request', []],
      ['no event', [{ stream: 'a-1', expected: 'any', events: [] }]],
      ['an id that is no UUID', [{ stream: 'a-1', expected: 'any', events: [{ ...event(), id: 'x' }] }]],
      ['an empty name', [{ stream: '' as StreamName, expected: 'any', events: [event()] }]],
      ['a name beyond 512 characters', [{ stream: `a-${'x'.repeat(511)}`, expected: 'any', events: [event()] }]],
      ['a lone surrogate in a name', [{ stream: 'a-\ud800', expected: 'any', events: [event()] }]],
      ['a control character', [{ stream: 'a-\u0000', expected: 'any', events: [event()] }]],
      ['a negative version', [{ stream: 'a-1', expected: -1n, events: [event()] }]],
      ['a version beyond any position', [{ stream: 'a-1', expected: 2n ** 64n, events: [event()] }]],
      ['an empty type', [{ stream: 'a-1', expected: 'any', events: [event('')] }]],
      ['a lone surrogate in a type', [{ stream: 'a-1', expected: 'any', events: [event('Happened\udfff')] }]],
      ['a stream twice', [to('a-1', 'any'), to('a-1', 'any')]],
    ])('refuses %s', async (_, requests) => {
      await expect(runInTenant('t-1', () => stores.a.append(...requests))).rejects.toThrow(InvalidArgument);
    });

    it.each<[string, () => Promise<unknown>]>([
      ['from beyond any position', async () => all(stores.a.readStream('a-1', { from: 2n ** 64n }))],
      ['from a negative position', async () => all(stores.a.readStream('a-1', { from: -1n }))],
      ['a name with U+0000', async () => all(stores.a.readStream('a-\u0000'))],
      ['a name with a lone surrogate', async () => all(stores.a.readStream('a-\ud800'))],
      ['metadata of a name with U+0000', () => stores.a.readStreamMetadata('a-\u0000')],
    ])('refuses to read %s', async (_, read) => {
      await expect(runInTenant('t-1', read)).rejects.toThrow(InvalidArgument);
    });

    it('refuses to work without a tenant', async () => {
      await expect(stores.a.append(to('a-1', 'any'))).rejects.toThrow(TenantMissing);
      await expect(stores.a.readFeed()).rejects.toThrow(TenantMissing);
    });
  });
}
