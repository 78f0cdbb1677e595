import { NotSupportedByStore } from '@concord/event-store';
import { EventIdInUse, InvalidArgument, type NewEvent, newId } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { all, event, freshStream, inTenant, lacking, needing, to, wholeFeed, type Opened } from './kit.js';

export function eventIds(stores: Opened): void {
  describe('event ids', () => {
    needing('recordedAnswers', stores)(
      'make a repeat harmless, whatever it expects',
      inTenant(async () => {
        const stream = freshStream();
        const request = to(stream, 'no-stream', event('A'), event('B'));
        const [first] = await stores.a.append(request);
        await stores.a.append(to(stream, 1n, event('C')));
        const [again] = await stores.b.append(request);
        expect(again).toEqual({ ...first, events: [] });
        expect(await all(stores.a.readStream(stream))).toHaveLength(3);
      }),
    );

    it(
      'make a repeat that expects the same harmless',
      inTenant(async () => {
        const stream = freshStream();
        for (const request of [to(stream, 'no-stream', event('A'), event('B')), to(stream, 1n, event('C'))]) {
          const [first] = await stores.a.append(request);
          const [again] = await stores.b.append(request);
          expect(again).toMatchObject({ revision: first!.revision, globalPosition: first!.globalPosition });
        }
        expect(await all(stores.a.readStream(stream))).toHaveLength(3);
      }),
    );

    it(
      'are seen within a transaction that has loaded the stream: a repeat adds nothing, another event is refused',
      inTenant(async () => {
        const [stream, used] = [freshStream(), event('A')];
        await stores.a.append(to(stream, 'no-stream', used, event('B')));
        const append = (events: NewEvent[]) =>
          stores.b.transaction(async () => {
            await stores.b.lockAndLoad([stream]);
            return stores.b.append(to(stream, 1n, ...events));
          });
        const [position] = (await wholeFeed(stores.a)).map(({ globalPosition }) => globalPosition);
        expect(await append([used])).toEqual([{ stream, revision: 0n, globalPosition: position, events: [] }]);
        await expect(append([{ ...used, data: { n: 2 } }])).rejects.toThrow(EventIdInUse);
        await expect(append([event('C'), used])).rejects.toThrow(EventIdInUse);
        expect(await all(stores.a.readStream(stream))).toHaveLength(2);
      }),
    );

    it(
      'are the same in capitals',
      inTenant(async () => {
        const [stream, first] = [freshStream(), event('A')];
        const id = first.id.toUpperCase();
        for (const one of [first, { ...first, id }]) await stores.a.append(to(stream, 'no-stream', one));
        expect(await all(stores.b.readStream(stream))).toMatchObject([{ id: first.id }]);
        expect(await stores.b.findEvents([id], [stream])).toMatchObject([{ id: first.id }]);
      }),
    );

    it(
      'find their events in the streams they are in',
      inTenant(async () => {
        const [stream, other, sought] = [freshStream(), freshStream(), [event('A'), event('B')] as const];
        await stores.a.append(to(stream, 'any', event(), sought[0], event()));
        await stores.a.append(to(other, 'any', sought[1]));
        const ids = [...sought.map(({ id }) => id), newId()];
        const found = await stores.b.findEvents(ids, [stream, other, freshStream()]);
        expect(found.map(({ type }) => type).toSorted()).toEqual(['A', 'B']);
        expect(await stores.b.findEvents([newId()], [])).toEqual([]);
        await runInTenant('t-other', async () => expect(await stores.b.findEvents(ids, [stream])).toEqual([]));
      }),
    );

    lacking('findEventsById', stores)(
      'find nothing without the streams: that is refused',
      inTenant(async () => {
        await expect(stores.a.findEvents([newId()])).rejects.toThrow(NotSupportedByStore);
      }),
    );

    needing('recordedAnswers', stores)(
      'answer one of twenty equal appends at once with events, and the others without',
      inTenant(async () => {
        const request = to(freshStream(), 'no-stream', event('A'), event('B'));
        const results = await Promise.all(
          Array.from({ length: 20 }, (_, index) => (index % 2 ? stores.a : stores.b).append(request)),
        );
        expect(results.filter(([result]) => result!.events.length > 0)).toHaveLength(1);
      }),
    );

    it(
      'store one append once, sent twenty times at once',
      inTenant(async () => {
        const request = to(freshStream(), 'no-stream', event('A'), event('B'));
        const results = await Promise.all(
          Array.from({ length: 20 }, (_, index) => (index % 2 ? stores.a : stores.b).append(request)),
        );
        expect(new Set(results.map(([result]) => result!.globalPosition)).size).toBe(1);
        expect(await all(stores.a.readStream(request.stream))).toHaveLength(2);
      }),
    );

    needing('uniqueEventIds', stores)(
      'are refused for another stream, another content, or half of an append',
      inTenant(async () => {
        const [used, stream] = [event('A'), freshStream()];
        await stores.a.append(to(stream, 'any', used));
        await expect(stores.a.append(to(freshStream(), 'any', used))).rejects.toThrow(EventIdInUse);
        await expect(stores.a.append(to(stream, 'any', { ...used, data: { n: 2 } }))).rejects.toThrow(EventIdInUse);
        await expect(stores.a.append(to(stream, 'any', used, event()))).rejects.toThrow(EventIdInUse);
        await expect(stores.a.append(to(stream, 'any', event(), used))).rejects.toThrow(EventIdInUse);
        await expect(stores.a.append(to(freshStream(), 'any', used, used))).rejects.toThrow(InvalidArgument);
        expect(await wholeFeed(stores.a)).toHaveLength(1);
      }),
    );

    needing('multiStreamAppend', stores)(
      'are refused when one stream of an append is a repeat and another is not',
      inTenant(async () => {
        const [repeated, other] = [to(freshStream(), 'no-stream'), to(freshStream(), 'no-stream')];
        await stores.a.append(repeated);
        await expect(stores.a.append(repeated, other)).rejects.toThrow(EventIdInUse);
        expect(await wholeFeed(stores.a)).toHaveLength(1);
      }),
    );

    needing('findEventsById', stores)('are a matter of each tenant', async () => {
      const request = to(freshStream(), 'no-stream');
      for (const tenant of ['t-x', 't-y']) await runInTenant(tenant, () => stores.a.append(request));
      const ids = [request.events[0]!.id, newId()];
      expect(await runInTenant('t-y', () => stores.a.findEvents(ids))).toMatchObject([
        { id: ids[0], stream: request.stream },
      ]);
      expect(await runInTenant('t-z', () => stores.a.findEvents(ids))).toEqual([]);
    });
  });
}
