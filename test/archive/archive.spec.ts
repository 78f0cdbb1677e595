// Archived events are read back where they were: streams, loads and the feed show the same before and after.
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { linkTo, PostgresEventStore, type ReadStreamOptions } from '@concord/event-store';
import { newId, streamName } from '@concord/kernel';
import { withClient } from '@concord/testing';
import { ArchiveUnderTest, inTenant } from './kit.js';

let site: ArchiveUnderTest;
beforeAll(async () => {
  site = await ArchiveUnderTest.open();
});
afterAll(() => site.close());

describe('the archive', () => {
  it(
    'takes everything up to a position but the last event of each stream',
    inTenant(async (tenant) => {
      const [one, two] = [streamName('thing', '1'), streamName('thing', '2')];
      await site.add(one, 3);
      await site.add(two, 2);
      const before = [await site.feed(), await site.read(one), await site.read(two)];
      const upTo = (await site.read(two))[0]!.globalPosition;
      expect(await site.store.archive({ upTo })).toEqual({ events: 3, files: 1 });
      expect(await site.inTable(tenant)).toEqual(['thing-1@2', 'thing-2@1']);
      expect([await site.feed(), await site.read(one), await site.read(two)]).toEqual(before);
      expect(await site.load(one)).toEqual({
        revision: 2n,
        first: 0n,
        events: before[1]!.map(({ type, data }) => ({ type, data })),
      });
      await site.add(one);
      expect((await site.read(one)).map((event) => event.streamPosition)).toEqual([0n, 1n, 2n, 3n]);
    }),
  );

  it(
    'is read in the present form, and through links',
    inTenant(async () => {
      const stream = streamName('thing', '1');
      await site.add(stream, 2);
      await site.store.archive({ upTo: await site.store.lastPosition() });
      site.store.useUpcasts([{ type: 'N', from: 1, becomes: 'M', up: () => 'new' }]);
      for (const events of [
        await site.read(stream),
        await site.feed({ types: ['M'] }),
        (await site.load(stream)).events,
      ]) {
        expect(events).toMatchObject([
          { type: 'M', data: 'new' },
          { type: 'M', data: 'new' },
        ]);
      }
      site.store.useUpcasts([]);
      const list = streamName('list', '1');
      await site.store.append({ stream: list, expected: 'any', events: [linkTo({ stream, streamPosition: 0n })] });
      expect(await site.read(list, { resolveLinks: true })).toMatchObject([{ stream, link: { stream: list } }]);
    }),
  );

  it(
    'takes what is older than a time, and nothing else',
    inTenant(async (tenant) => {
      const stream = streamName('thing', '1');
      await site.add(stream, 3);
      const [, second] = await site.read(stream);
      expect(await site.store.archive({ before: new Date(0) })).toEqual({ events: 0, files: 0 });
      await withClient(site.testDatabase.url, (client) =>
        client.query(
          `update concord.events set recorded_at = '2020-01-01' where tenant_id = $1 and global_position < $2`,
          [tenant, second!.globalPosition],
        ),
      );
      expect(await site.store.archive({ before: new Date('2021-01-01') })).toEqual({ events: 1, files: 1 });
      expect(await site.inTable(tenant)).toEqual(['thing-1@1', 'thing-1@2']);
    }),
  );

  it(
    'takes what streams show no more: the feed shows it on, and streams once they show more again',
    inTenant(async (tenant) => {
      const [stream, buried] = [streamName('thing', '1'), streamName('thing', '2')];
      await site.add(stream, 5);
      await site.add(buried, 2);
      await site.store.tombstoneStream(buried, 'any');
      await site.store.writeStreamMetadata(stream, { maxCount: 2 });
      const before = await site.feed();
      expect(await site.store.archive({ hidden: true })).toEqual({ events: 5, files: 1 });
      expect(await site.store.archive({ hidden: true })).toEqual({ events: 0, files: 0 });
      expect((await site.inTable(tenant)).filter((name) => name.startsWith('thing-'))).toHaveLength(3);
      expect(await site.feed()).toEqual(before);
      expect((await site.read(stream)).map((event) => event.streamPosition)).toEqual([3n, 4n]);
      expect((await site.load(stream)).events).toHaveLength(2);
      await site.store.writeStreamMetadata(stream, { truncateBefore: 1n });
      const shown = [1n, 2n, 3n, 4n];
      expect((await site.read(stream)).map((event) => event.streamPosition)).toEqual(shown);
      const backwards = await site.read(stream, { direction: 'backwards' });
      expect(backwards.map((event) => event.streamPosition)).toEqual(shown.toReversed());
      expect((await site.load(stream)).events).toHaveLength(4);
      await expect(site.read(buried)).rejects.toMatchObject({ code: 'stream-deleted' });
    }),
  );

  it.each(['forwards', 'backwards'] as const)(
    'moves events away from under who reads a stream %s, and misses none',
    (direction) =>
      inTenant(async () => {
        const stream = streamName('thing', '1');
        for (let n = 0; n < 3; n += 1) await site.add(stream, 1000);
        const upTo = await site.store.lastPosition();
        const positions: bigint[] = [];
        for await (const event of site.store.readStream(stream, { direction })) {
          if (positions.length === 1500) await site.store.archive({ upTo });
          positions.push(event.streamPosition);
        }
        const wanted = Array.from({ length: 3000 }, (_, n) => BigInt(n));
        expect(positions).toEqual(direction === 'forwards' ? wanted : wanted.toReversed());
      })(),
  );

  it(
    'moves events away from under who reads the feed, and misses and doubles none',
    inTenant(async () => {
      for (let n = 1; n <= 10; n += 1) await site.add(streamName('thing', `${n}`), 20);
      const before = await site.feed();
      const upTo = await site.store.lastPosition();
      let archiving = true;
      const archived = site.store.archive({ upTo, eventsPerFile: 5 }).finally(() => (archiving = false));
      const readers = [1, 2, 3].map(async (limit) => {
        while (archiving) expect(await site.feed({ limit: limit * 7 })).toEqual(before);
      });
      await Promise.all([archived, ...readers]);
      expect(await site.feed({ categories: ['thing'] })).toEqual(before);
    }),
  );

  it(
    'is read no further than a limit asks for, from either end',
    inTenant(async (tenant) => {
      const stream = streamName('thing', '1');
      for (let n = 0; n < 8; n += 1) await site.add(stream, 5);
      await site.store.archive({ upTo: await site.store.lastPosition(), eventsPerFile: 5 });
      const fresh = () => new PostgresEventStore(site.opened.database, { archiveFolder: site.folder });
      const positions = async (options: ReadStreamOptions) =>
        (await Array.fromAsync(fresh().readStream(stream, options))).map((event) => Number(event.streamPosition));
      const folder = join(site.folder, tenant);
      const byPosition = (file: string) => Number(file.split('-', 1)[0]);
      const files = (await readdir(folder)).sort((a, b) => byPosition(a) - byPosition(b));
      for (const file of files.slice(1, -1)) await rename(join(folder, file), join(folder, `${file}.away`));
      expect(await positions({ limit: 1 })).toEqual([0]);
      expect(await positions({ limit: 5 })).toEqual([0, 1, 2, 3, 4]);
      expect(await positions({ limit: 3, from: 36n })).toEqual([36, 37, 38]);
      expect(await positions({ limit: 5, direction: 'backwards' })).toEqual([39, 38, 37, 36, 35]);
      await expect(positions({ limit: 6 })).rejects.toMatchObject({ code: 'archive-unavailable' });
      for (const file of files.slice(1, -1)) await rename(join(folder, `${file}.away`), join(folder, file));
      expect(await positions({})).toEqual(Array.from({ length: 40 }, (_, n) => n));
    }),
  );

  it(
    'is needed, and whole: a store without it, a lost file and a damaged one are told',
    inTenant(async (tenant) => {
      const stream = streamName('thing', '1');
      await site.add(stream, 3);
      await site.store.archive({ upTo: await site.store.lastPosition() });
      const [file] = await readdir(join(site.folder, tenant));
      const path = join(site.folder, tenant, file!);
      const content = await readFile(path);
      const unavailable = async (reader: PostgresEventStore, message: RegExp): Promise<void> => {
        const reads = [
          () => Array.fromAsync(reader.readStream(stream)),
          () => reader.readFeed(),
          () => reader.transaction(() => reader.lockAndLoad([stream])),
        ];
        for (const attempt of reads) {
          await expect(attempt()).rejects.toMatchObject({
            code: 'archive-unavailable',
            message: expect.stringMatching(message),
          });
        }
      };
      const without = new PostgresEventStore(site.opened.database);
      await unavailable(without, /archive folder/);
      await expect(without.archive({ hidden: true })).rejects.toMatchObject({ code: 'archive-unavailable' });
      const fresh = new PostgresEventStore(site.opened.database, { archiveFolder: site.folder });
      await rename(path, `${path}.away`);
      await unavailable(fresh, /cannot be read/);
      content[content.length - 1]! ^= 1;
      await writeFile(path, content);
      await unavailable(fresh, /damaged/);
      await rename(`${path}.away`, path);
      expect(await Array.fromAsync(fresh.readStream(stream))).toHaveLength(3);
      await expect(
        fresh.append({ stream, expected: 2n, events: [{ id: newId(), type: 'N', data: 1 }] }),
      ).resolves.toHaveLength(1);
      await expect(fresh.archive({ hidden: true, eventsPerFile: 0 })).rejects.toMatchObject({
        code: 'invalid-argument',
      });
    }),
  );

  it(
    'waits for whoever archives or scavenges the tenant already',
    inTenant(async (tenant) => {
      await site.add(streamName('thing', '1'), 3);
      const done: string[] = [];
      await withClient(site.testDatabase.url, async (client) => {
        await client.query('begin');
        await client.query('select concord.lock_maintenance($1)', [tenant]);
        const upTo = await site.store.lastPosition();
        const waiting = [
          site.store.archive({ upTo }).then(() => done.push('archived')),
          site.store.scavenge().then(() => done.push('scavenged')),
        ];
        await until(async () => {
          const { rows } = await client.query<{ waiting: string }>(
            `select count(*) as waiting from pg_locks where locktype = 'advisory' and not granted
               and database = (select oid from pg_database where datname = current_database())`,
          );
          return rows[0]?.waiting === '2';
        });
        expect(done).toEqual([]);
        await client.query('commit');
        await Promise.all(waiting);
      });
      expect(await site.inTable(tenant)).toEqual(['thing-1@2']);
    }),
  );

  it(
    'archives once when two do it at the same time',
    inTenant(async (tenant) => {
      for (let n = 1; n <= 20; n += 1) await site.add(streamName('thing', `${n}`), 3);
      const upTo = await site.store.lastPosition();
      const before = await site.feed();
      const runs = await Promise.all([1, 2, 3].map(() => site.store.archive({ upTo, eventsPerFile: 6 })));
      expect(runs.reduce((sum, { events }) => sum + events, 0)).toBe(40);
      expect(await site.inTable(tenant)).toHaveLength(20);
      expect(await site.feed()).toEqual(before);
    }),
  );
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline;) if (await holds()) return;
  throw new Error('it never came to that');
}
