import { BACKWARDS, binaryEvent, END, START } from '@eventstore/db-client';
import { EventStore } from '@concord/event-store';
import { newId, streamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { withClient } from '@concord/testing';
import { collect, event, type ServerUnderTest, startServer, taking, TENANT } from './server-under-test.js';

let server: ServerUnderTest;

beforeAll(async () => {
  server = await startServer();
});

afterAll(async () => {
  await server.close();
});

const fresh = (category = 'order') => streamName(category, newId());
const five = () => ['A', 'B', 'C', 'D', 'E'].map((type) => event(type));
const types = async (stream: string, options = {}) =>
  (await collect(server.client.readStream(stream, options))).map(({ event }) => event?.type);

/** As if it had been written two hours ago. */
const aged = (stream: string) =>
  withClient(server.databaseUrl, (database) =>
    database.query(`update concord.events set recorded_at = recorded_at - interval '2 hours' where stream_name = $1`, [
      stream,
    ]),
  );

describe('stream metadata', () => {
  it('come back to clients and to domain code, and count at once', async () => {
    const stream = fresh();
    await server.client.appendToStream(stream, five());
    const acl = { readRoles: ['$all'], writeRoles: ['ops'] };
    const written = await server.client.setStreamMetadata(stream, { maxCount: 2, owner: 'x', acl });
    expect(written).toMatchObject({ success: true, nextExpectedRevision: 0n });
    const read = await server.client.getStreamMetadata(stream);
    expect(read).toMatchObject({ streamName: stream, metadata: { maxCount: 2, owner: 'x', acl } });
    expect(await types(stream)).toEqual(['D', 'E']);
    expect(await types(stream, { direction: BACKWARDS, fromRevision: END })).toEqual(['E', 'D']);
    const domain = await runInTenant(TENANT, () => server.app.get(EventStore).readStreamMetadata(stream));
    expect(domain.metadata).toEqual({ maxCount: 2, custom: { owner: 'x' }, acl: { read: ['$all'], write: ['ops'] } });
    await runInTenant(TENANT, () => server.app.get(EventStore).writeStreamMetadata(stream, { truncateBefore: 4n }));
    expect((await server.client.getStreamMetadata(stream)).metadata).toEqual({ truncateBefore: 4 });
    expect(await types(stream)).toEqual(['E']);
  });

  it('are guarded by their own revision and refused when they make no sense', async () => {
    const stream = fresh();
    await server.client.setStreamMetadata(stream, { maxCount: 1 }, { expectedRevision: 'no_stream' });
    const again = server.client.setStreamMetadata(stream, { maxCount: 1 }, { expectedRevision: 'no_stream' });
    await expect(again).rejects.toMatchObject({ type: 'wrong-expected-version', actualVersion: 0n });
    await expect(server.client.setStreamMetadata(stream, { maxCount: 0 })).rejects.toThrow(/maxCount/);
    await expect(server.client.appendToStream(`$$${stream}`, event())).rejects.toThrow(/\$metadata/);
    expect((await server.client.getStreamMetadata(fresh())).metadata).toBeUndefined();
  });
});

describe('deletion', () => {
  it('softly: not found, and brought back by an append', async () => {
    const stream = fresh();
    await server.client.appendToStream(stream, five());
    const wrong = server.client.deleteStream(stream, { expectedRevision: 1n });
    await expect(wrong).rejects.toMatchObject({
      type: 'wrong-expected-version',
      streamName: stream,
      expectedVersion: 1n,
      actualVersion: 4n,
    });
    const { position } = await server.client.deleteStream(stream, { expectedRevision: 4n });
    expect(position!.commit).toBeGreaterThan(0n);
    await expect(types(stream)).rejects.toMatchObject({ type: 'stream-not-found' });
    const appended = await server.client.appendToStream(stream, event('Back'), { expectedRevision: 'no_stream' });
    expect(appended.nextExpectedRevision).toBe(5n);
    expect(await types(stream)).toEqual(['Back']);
  });

  it('by a tombstone: for good, for reads, appends and further deletions', async () => {
    const stream = fresh();
    await server.client.appendToStream(stream, five());
    await server.client.tombstoneStream(stream, { expectedRevision: 'any' });
    const deleted = { type: 'stream-deleted', streamName: stream };
    await expect(types(stream)).rejects.toMatchObject(deleted);
    await expect(server.client.appendToStream(stream, event())).rejects.toMatchObject(deleted);
    const credentials = { username: 'u', password: 'p' };
    await expect(server.client.appendToStream(stream, event(), { credentials })).rejects.toMatchObject(deleted);
    await expect(server.client.deleteStream(stream)).rejects.toMatchObject(deleted);
    await expect(server.client.tombstoneStream(stream)).rejects.toMatchObject(deleted);
    const late = server.client.subscribeToStream(stream, { fromRevision: START });
    await expect(taking(late)(1)).rejects.toMatchObject(deleted);
  });
});

describe('an append without events', () => {
  const states = {
    'is not there': async () => undefined,
    'is there': (stream: string) => server.client.appendToStream(stream, five()),
    'is softly deleted': async (stream: string) => {
      await server.client.appendToStream(stream, five());
      await server.client.deleteStream(stream);
    },
    'is older than $maxAge': async (stream: string) => {
      await server.client.appendToStream(stream, five());
      await aged(stream);
      await server.client.setStreamMetadata(stream, { maxAge: 3600 });
    },
    'has a tombstone': (stream: string) => server.client.tombstoneStream(stream),
  };
  const expectations = ['any', 'no_stream', 'stream_exists', 3n, 4n] as const;
  // The second one makes the client send an Append, not a BatchAppend.
  const ways = [{}, { credentials: { username: 'u', password: 'p' } }];

  it.each(Object.entries(states))('to a stream that %s is answered as a real one would be', async (state, prepare) => {
    const outcome = async (events: ReturnType<typeof five>, options: object) => {
      const stream = fresh();
      await prepare(stream);
      try {
        const { nextExpectedRevision: last } = await server.client.appendToStream(stream, events, options);
        // The client says 0 where nothing is there.
        return { end: state === 'is not there' ? undefined : last - BigInt(events.length) };
      } catch (error) {
        const { type, actualVersion } = error as { type: string; actualVersion?: unknown };
        return { type, actualVersion };
      }
    };
    for (const expectedRevision of expectations) {
      for (const way of ways) {
        const options = { expectedRevision, ...way };
        const real = await outcome([event()], options);
        expect([options, await outcome([], options)]).toEqual([options, real]);
      }
    }
  });
});

describe('system streams', () => {
  it('hold links to a category, a type and each stream, resolved on demand, read both ways and followed', async () => {
    const [category, type] = [`c${newId().replaceAll('-', '')}`, `T${newId()}`];
    const [one, two] = [fresh(category), fresh(category)];
    await server.client.appendToStream(one, [event('A'), event(type)]);
    await server.client.appendToStream(two, event('B'));
    await server.client.appendToStream(category, event('NoDash'));

    const links = await collect(server.client.readStream(`$ce-${category}`));
    expect(links.map(({ event, link }) => [event?.type, event?.streamId, link])).toEqual(
      Array.from({ length: 3 }, () => ['$>', `$ce-${category}`, undefined]),
    );
    expect(Buffer.from(links[1]!.event!.data as unknown as Uint8Array).toString()).toBe(`1@${one}`);

    const resolved = await collect(server.client.readStream(`$ce-${category}`, { resolveLinkTos: true }));
    expect(resolved.map(({ event, link }) => [event?.streamId, event?.type, link?.type])).toEqual([
      [one, 'A', '$>'],
      [one, type, '$>'],
      [two, 'B', '$>'],
    ]);
    const from = { fromRevision: resolved[1]!.link!.revision, resolveLinkTos: true };
    expect(await types(`$ce-${category}`, from)).toEqual([type, 'B']);
    expect(await types(`$ce-${category}`, { ...from, direction: BACKWARDS })).toEqual([type, 'A']);
    expect(await types(`$et-${type}`, { resolveLinkTos: true })).toEqual([type]);
    const streams = await collect(server.client.readStream('$streams', { resolveLinkTos: true }));
    const first = streams.flatMap(({ event }) => (event ? [event.streamId] : []));
    expect(first).toEqual(expect.arrayContaining([one, two]));
    expect(new Set(first).size).toBe(first.length);
    await expect(types(`$ce-none${category}`)).rejects.toMatchObject({ type: 'stream-not-found' });
    await expect(server.client.appendToStream(`$ce-${category}`, event())).rejects.toThrow(/append to those/);

    const live = server.client.subscribeToStream(`$ce-${category}`, { ...from, resolveLinkTos: true });
    const take = taking(live);
    expect((await take(1))[0]!.event!.type).toBe('B');
    await server.client.appendToStream(one, event('Live'));
    expect((await take(1))[0]).toMatchObject({ event: { type: 'Live', streamId: one }, link: { type: '$>' } });
    await live.unsubscribe();
  });

  it('and links that clients write are resolved; one to nothing stays a link', async () => {
    const [stream, links] = [fresh(), fresh('links')];
    await server.client.appendToStream(stream, five());
    const link = (text: string) => binaryEvent({ type: '$>', data: Buffer.from(text) });
    await server.client.appendToStream(links, [link(`3@${stream}`), link(`9@${stream}`), link('nonsense')]);
    const read = await collect(server.client.readStream(links, { resolveLinkTos: true }));
    expect(read.map(({ event, link }) => [event?.type, link?.type])).toEqual([
      ['D', '$>'],
      [undefined, '$>'],
      ['$>', undefined],
    ]);
    const domain = server.app.get(EventStore);
    const stored = await runInTenant(TENANT, () => collect(domain.readStream(links)));
    expect(stored[0]!.data).toBe(`3@${stream}`);
    const raw = await collect(server.client.readStream(links, { maxCount: 1 }));
    expect(Buffer.from(raw[0]!.event!.data as unknown as Uint8Array).toString()).toBe(`3@${stream}`);
    const own = fresh('links');
    const link1 = { id: newId(), type: '$>', data: `1@${stream}` };
    await runInTenant(TENANT, () => domain.append({ stream: own, expected: 'any', events: [link1] }));
    expect(await types(own, { resolveLinkTos: true })).toEqual(['B']);
    await server.client.tombstoneStream(stream);
    expect(await types(links, { resolveLinkTos: true, maxCount: 1 })).toEqual([undefined]);
  });

  it.each([
    ['beyond $maxCount', { maxCount: 2 }, [undefined, 'E']],
    ['before $tb', { truncateBefore: 4 }, [undefined, 'E']],
    ['older than $maxAge', { maxAge: 3600 }, [undefined, undefined]],
  ])('show nothing by a link that the stream does not: %s', async (_, metadata, shown) => {
    const [stream, links] = [fresh(), fresh('links')];
    await server.client.appendToStream(stream, five());
    const link = (position: number) => binaryEvent({ type: '$>', data: Buffer.from(`${position}@${stream}`) });
    await server.client.appendToStream(links, [link(2), link(4)]);
    await aged(stream);
    expect(await types(links, { resolveLinkTos: true })).toEqual(['C', 'E']);
    await server.client.setStreamMetadata(stream, metadata);
    expect(await types(links, { resolveLinkTos: true })).toEqual(shown);
  });

  const HIDING: Record<string, (stream: string) => Promise<unknown>> = {
    'beyond $maxCount': (stream) => server.client.setStreamMetadata(stream, { maxCount: 3 }),
    'before $tb': (stream) => server.client.setStreamMetadata(stream, { truncateBefore: 2 }),
    'older than $maxAge': async (stream) => {
      await aged(stream);
      await server.client.setStreamMetadata(stream, { maxAge: 3600 });
    },
    deleted: (stream) => server.client.deleteStream(stream),
    'with a tombstone': (stream) => server.client.tombstoneStream(stream),
  };

  it.each(Object.keys(HIDING))(
    'keep the link to what a stream shows no more, and it leads nowhere: %s',
    async (what) => {
      const category = `c${newId().replaceAll('-', '')}`;
      const [stream, other] = [fresh(category), fresh(category)];
      await server.client.appendToStream(stream, five());
      await server.client.appendToStream(other, event('F'));
      await HIDING[what]!(stream);
      const shown = what.includes('$maxCount') || what.includes('$tb') ? ['C', 'D', 'E'] : [];
      const expected = [...Array.from({ length: 5 - shown.length }, () => undefined), ...shown, 'F'];
      const events = async (options: object) =>
        (await types(`$ce-${category}`, options)).filter((type) => type?.[0] !== '$');
      expect(await events({ resolveLinkTos: true })).toEqual(expected);
      expect(await events({ resolveLinkTos: true, direction: BACKWARDS, fromRevision: END })).toEqual(
        expected.toReversed(),
      );
      expect((await types(`$ce-${category}`)).filter((type) => type === '$>').length).toBeGreaterThanOrEqual(6);
    },
  );
});
