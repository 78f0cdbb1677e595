// Personal fields, on every way in and out of a store: closed in it, open for readers until the subject is forgotten.
import { type EventStore, linkTo } from '@concord/event-store';
import { newId } from '@concord/kernel';
import { DataSubjects, personalData, type SubjectKeys } from '@concord/privacy';
import { all, event, freshStream, inTenant, needing, type Opened, to, wholeFeed } from './kit.js';
import { dataOf, FORGOTTEN, MASTER, opened, PERSONAL, readsOf } from './personal-kit.js';

/** `keysOf` gives each store its own handle on the same keys. */
export function personalFields(stores: Opened, keysOf: (store: EventStore) => SubjectKeys): void {
  describe('personal fields', () => {
    let subjects: DataSubjects;
    const sealing = (declared = PERSONAL): void => {
      for (const store of [stores.a, stores.b]) store.useSeal(personalData(declared, keysOf(store), MASTER));
      subjects = new DataSubjects(keysOf(stores.a), MASTER);
    };
    // What the other store has at hand it may use for seconds; here it is as if it had heard of it.
    const forget = async (subject: string): Promise<void> => {
      await subjects.forget(subject, { reason: 'asked to' });
      keysOf(stores.b).announce();
    };
    beforeEach(() => sealing());

    it(
      'are given to every reader until their subject is forgotten, and then the replacements',
      inTenant(async () => {
        const [stream, ada, bob] = [freshStream(), newId(), newId()];
        const events = [opened(ada), event('Other', { n: 1 }), opened(bob, 'Bob')];
        const [first] = await stores.a.append(to(stream, 'no-stream', ...events.slice(0, 2)));
        expect(dataOf(first!.events.slice(0, 1))).toEqual([events[0]!.data]);
        await stores.a.append(to(stream, 1n, events[2]!));
        const ids = events.map(({ id }) => id);
        const before = dataOf(events);
        for (const [how, read] of Object.entries(readsOf(stores.b, stream, ids)))
          expect({ [how]: await read() }).toEqual({ [how]: before });
        await forget(ada);
        const after = [{ ownerId: ada, ...FORGOTTEN }, before[1], before[2]];
        for (const [how, read] of Object.entries(readsOf(stores.b, stream, ids)))
          expect({ [how]: await read() }).toEqual({ [how]: after });
        // The rest of the stream goes on.
        await stores.b.append(to(stream, 2n, event('Other', { n: 2 })));
        expect(await all(stores.a.readStream(stream))).toHaveLength(4);
      }),
    );

    it(
      'are closed in the store itself',
      inTenant(async () => {
        const [stream, ada] = [freshStream(), newId()];
        await stores.a.append(to(stream, 'no-stream', opened(ada)));
        stores.b.useSeal(undefined as never);
        const error = await all(stores.b.readStream(stream)).catch((failure: unknown) => failure);
        expect(error).toMatchObject({ code: 'personal-data-sealed' });
        await expect(stores.b.readFeed()).rejects.toMatchObject({ code: 'personal-data-sealed' });
        expect(JSON.stringify(error)).not.toContain('Lovelace');
        sealing([]);
        expect((await all(stores.b.readStream(stream)))[0]!.data).toMatchObject({ ownerName: 'Ada Lovelace' });
      }),
    );

    it(
      'are read through links',
      inTenant(async () => {
        const [stream, links, ada] = [freshStream(), freshStream('link'), newId()];
        const event = opened(ada);
        await stores.a.append(to(stream, 'no-stream', event));
        const [recorded] = await all(stores.a.readStream(stream));
        await stores.a.append(to(links, 'no-stream', linkTo(recorded!)));
        const linked = async () => (await all(stores.b.readStream(links, { resolveLinks: true })))[0];
        const inFeed = async () => (await stores.b.readFeed({ resolveLinks: true })).events.at(-1);
        for (const read of [linked, inFeed])
          expect(await read()).toMatchObject({ data: event.data, link: { stream: links } });
        await forget(ada);
        for (const read of [linked, inFeed]) expect((await read())!.data).toEqual({ ownerId: ada, ...FORGOTTEN });
      }),
    );

    it(
      'of several subjects in one event are forgotten one by one',
      inTenant(async () => {
        const [stream, ada, bob] = [freshStream(), newId(), newId()];
        const data = { from: ada, fromName: 'Ada', to: bob, toName: 'Bob' };
        await stores.a.append(to(stream, 'no-stream', { id: newId(), type: 'Transferred', data }));
        await forget(bob);
        expect((await all(stores.b.readStream(stream)))[0]!.data).toEqual({ ...data, toName: '?' });
        await forget(ada);
        expect((await all(stores.b.readStream(stream)))[0]!.data).toEqual({ ...data, toName: '?', fromName: '?' });
      }),
    );

    it(
      'do not hide a repeat, nor another event of that id',
      inTenant(async () => {
        const [stream, ada] = [freshStream(), newId()];
        const one = opened(ada);
        const [first] = await stores.a.append(to(stream, 'no-stream', one));
        const [again] = await stores.b.append(to(stream, 'no-stream', one));
        expect(again).toMatchObject({ revision: first!.revision });
        if (stores.can.recordedAnswers) expect(again!.events).toEqual([]);
        expect(await all(stores.a.readStream(stream))).toHaveLength(1);
        const other = { ...one, data: { ...(one.data as object), ownerName: 'Eve' } };
        const repeated = stores.b.transaction(async () => {
          await stores.b.lockAndLoad([stream]);
          return stores.b.append(to(stream, 0n, other));
        });
        await expect(repeated).rejects.toMatchObject({ code: 'event-id-in-use' });
      }),
    );

    it(
      'are sealed in a transaction too, which waits for the key and sees what it appended',
      inTenant(async () => {
        const [stream, ada] = [freshStream(), newId()];
        const one = opened(ada);
        const results: unknown[] = [];
        await stores.a.transaction(async () => {
          await stores.a.lockAndLoad([stream]);
          // Not awaited: the key has to be made first, and the commit waits for it.
          void stores.a.append(to(stream, 'no-stream', one)).then((answer) => results.push(...answer));
        });
        expect(results).toMatchObject([{ revision: 0n, events: [{ data: one.data, stream }] }]);
        const two = opened(ada, 'Ada King');
        const [result] = await stores.a.transaction(async () => {
          const appended = await stores.a.append(to(stream, 0n, two));
          expect(dataOf(await all(stores.a.readStream(stream)))).toEqual([one.data, two.data]);
          return appended;
        });
        expect(result!.globalPosition).toBe(result!.events[0]!.globalPosition);
        expect(dataOf(await all(stores.b.readStream(stream)))).toEqual([one.data, two.data]);
      }),
    );

    it(
      'of a forgotten subject are not stored, until they are readmitted; what was forgotten stays so',
      inTenant(async () => {
        const [stream, ada] = [freshStream(), newId()];
        await stores.a.append(to(stream, 'no-stream', opened(ada)));
        await forget(ada);
        const refused = stores.b.append(to(stream, 0n, opened(ada)));
        await expect(refused).rejects.toMatchObject({ code: 'subject-forgotten', details: { subject: ada } });
        const unawaited = stores.b.transaction(async () => {
          await stores.b.lockAndLoad([stream]);
          void stores.b.append(to(stream, 0n, opened(ada))).catch(() => undefined);
        });
        // What the transaction had in hand is at hand: the commit finds nothing to do, or the failure.
        await unawaited.catch((error: unknown) => expect(error).toMatchObject({ code: 'subject-forgotten' }));
        expect(await all(stores.a.readStream(stream))).toHaveLength(1);
        expect(await subjects.stateOf(ada)).toBe('forgotten');
        await subjects.readmit(ada);
        keysOf(stores.b).announce();
        const back = opened(ada, 'Ada again');
        await stores.b.append(to(stream, 0n, back));
        expect(dataOf(await all(stores.a.readStream(stream)))).toEqual([{ ownerId: ada, ...FORGOTTEN }, back.data]);
        await expect(subjects.readmit(ada)).rejects.toThrow(/is not forgotten/);
      }),
    );

    it(
      'need a subject and plain data; what is not there is not sealed',
      inTenant(async () => {
        const stream = freshStream();
        const nobody = { ...opened(''), data: { ownerName: 'Ada' } };
        const refused = await stores.a
          .append(to(stream, 'no-stream', nobody))
          .catch((error: unknown) => error as Error);
        expect(refused).toMatchObject({ code: 'invalid-argument' });
        expect(refused).toHaveProperty('message', expect.stringContaining('AccountOpened.ownerId names whose'));
        const taken = { ...event(), data: { $personal: 1 } };
        await expect(stores.a.append(to(stream, 'no-stream', taken))).rejects.toThrow(
          /which the store keeps for itself/,
        );
        expect(await all(stores.a.readStream(stream))).toEqual([]);
        const none = { ...opened(''), data: { limit: 5 } };
        await stores.a.append(to(stream, 'no-stream', none));
        expect((await all(stores.b.readStream(stream)))[0]!.data).toEqual({ limit: 5 });
      }),
    );

    it(
      'of another tenant are another subject’s',
      inTenant(async () => {
        const [stream, ada] = [freshStream(), newId()];
        await stores.a.append(to(stream, 'no-stream', opened(ada)));
        await inTenant(() => forget(ada))();
        expect((await all(stores.b.readStream(stream)))[0]!.data).toMatchObject({ ownerName: 'Ada Lovelace' });
      }),
    );

    needing('multiStreamAppend', stores)(
      'are sealed in appends to several streams',
      inTenant(async () => {
        const [one, other, ada] = [freshStream(), freshStream(), newId()];
        const [first, second] = [opened(ada), opened(ada, 'Ada King')];
        const results = await stores.a.append(to(one, 'no-stream', first), to(other, 'no-stream', second, event()));
        expect(results.map(({ events }) => events[0]!.data)).toEqual([first.data, second.data]);
        await forget(ada);
        expect(dataOf(await wholeFeed(stores.b)).slice(0, 2)).toEqual(Array(2).fill({ ownerId: ada, ...FORGOTTEN }));
      }),
    );

    it(
      'go through upcasts as what they were, or as what stands in their place',
      inTenant(async () => {
        const [stream, ada] = [freshStream(), newId()];
        await stores.a.append(to(stream, 'no-stream', opened(ada)));
        const up = ({ ownerName }: { ownerName: string }) => ({ owner: ownerName.toUpperCase() });
        for (const store of [stores.a, stores.b])
          store.useUpcasts([{ type: 'AccountOpened', from: 1, becomes: 'Began', up }]);
        try {
          const read = async () => dataOf(await all(stores.b.readStream(stream)));
          expect(await read()).toEqual([{ owner: 'ADA LOVELACE' }]);
          await forget(ada);
          expect(await read()).toEqual([{ owner: '(FORGOTTEN)' }]);
        } finally {
          for (const store of [stores.a, stores.b]) store.useUpcasts([]);
        }
      }),
    );
  });
}
