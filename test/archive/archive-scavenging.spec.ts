// Scavenging reaches into the archive: what streams show no more is in no file and in no feed afterwards.
import { copyFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { PostgresEventStore, StoredEvents } from '@concord/event-store';
import { type StreamName, streamName } from '@concord/kernel';
import { withClient } from '@concord/testing';
import { ArchiveUnderTest, inTenant } from './kit.js';

let site: ArchiveUnderTest;
beforeAll(async () => {
  site = await ArchiveUnderTest.open();
});
afterAll(() => site.close());

const [kept, buried, counted, deleted] = ['1', '2', '3', '4'].map((id) => streamName('thing', id)) as [
  StreamName,
  StreamName,
  StreamName,
  StreamName,
];

/** What is in the files of a tenant, whoever names them, as `stream@position`. */
async function inFiles(tenant: string): Promise<string[]> {
  const files = await readdir(join(site.folder, tenant));
  const texts = await Promise.all(files.map((file) => readFile(join(site.folder, tenant, file))));
  return texts
    .flatMap((text) => inflateSync(text).toString().trimEnd().split('\n'))
    .map((line) => JSON.parse(line) as { stream_name: string; stream_position: string })
    .map((event) => `${event.stream_name}@${event.stream_position}`)
    .sort();
}

async function archived(eventsPerFile: number): Promise<void> {
  for (const stream of [kept, buried, counted, deleted]) await site.add(stream, 4);
  await site.store.archive({ upTo: await site.store.lastPosition(), eventsPerFile });
}

async function hide(): Promise<void> {
  await site.store.tombstoneStream(buried, 'any');
  await site.store.writeStreamMetadata(counted, { maxCount: 2 });
  await site.store.deleteStream(deleted, 'any');
}

const shownInFeed = async () =>
  (await site.feed({ categories: ['thing'] })).map((event) => `${event.stream}@${event.streamPosition}`);
const left = ['thing-1@0', 'thing-1@1', 'thing-1@2', 'thing-1@3', 'thing-3@2', 'thing-3@3', 'thing-4@3'];

describe('scavenging what is archived', () => {
  it.each([100, 5, 1])(
    'takes hidden events out of files of %d and of the feed, and leaves the others as they were',
    (size) =>
      inTenant(async (tenant) => {
        await archived(size);
        const before = await site.read(kept);
        await hide();
        // Eight in files, and the last one of the stream with a tombstone in the table.
        expect(await site.store.scavenge()).toBe(2 + 3 + 3 + 1);
        expect(await site.store.scavenge()).toBe(0);
        const expected = [...left, `thing-2@${2n ** 63n - 1n}`];
        expect(await shownInFeed()).toEqual(expected);
        expect(await inFiles(tenant)).toEqual(['thing-1@0', 'thing-1@1', 'thing-1@2', 'thing-3@2']);
        expect(await site.read(kept)).toEqual(before);
        expect((await site.read(counted)).map((event) => event.streamPosition)).toEqual([2n, 3n]);
        expect((await site.load(counted)).events).toHaveLength(2);
        // What is gone stays gone, whatever the metadata say later.
        await site.store.writeStreamMetadata(counted, {});
        expect((await site.read(counted)).map((event) => event.streamPosition)).toEqual([2n, 3n]);
        const reopened = new PostgresEventStore(site.opened.database, { archiveFolder: site.folder });
        expect(await Array.fromAsync(reopened.readStream(kept))).toEqual(before);
      })(),
  );

  it(
    'leaves no trace of an archive whose events are all hidden: who cannot read archives may read the feed again',
    inTenant(async (tenant) => {
      await site.add(buried, 4);
      await site.store.archive({ upTo: await site.store.lastPosition() });
      await site.store.tombstoneStream(buried, 'any');
      expect(await site.store.scavenge()).toBe(4);
      expect(await inFiles(tenant)).toEqual([]);
      const events = new StoredEvents(site.opened.database);
      const page = await events.feed({ from: 0n, to: await events.horizon(), limit: 10 }, false);
      expect(page.events.map(({ event_type }) => event_type)).toEqual(['$streamDeleted']);
    }),
  );

  it(
    'is all or nothing: taken back with its transaction, and finished later where only the file was left',
    inTenant(async (tenant) => {
      await archived(100);
      const [file] = await readdir(join(site.folder, tenant));
      const path = join(site.folder, tenant, file!);
      await copyFile(path, `${path}.copy`);
      await hide();
      const before = [await site.feed(), await site.read(kept)];
      const undone = site.store.transaction(async () => {
        await site.store.scavenge();
        throw new Error('undone');
      });
      await expect(undone).rejects.toThrow('undone');
      expect([await site.feed(), await site.read(kept)]).toEqual(before);
      await site.store.scavenge();
      expect(await readdir(join(site.folder, tenant))).not.toContain(file);
      // As after a kill between the commit and the deletion of the file.
      await copyFile(`${path}.copy`, path);
      await withClient(site.testDatabase.url, (client) =>
        client.query('insert into concord.dropped_archives (tenant_id, file) values ($1, $2)', [
          tenant,
          join(tenant, file!),
        ]),
      );
      expect(await site.store.scavenge()).toBe(0);
      expect(await readdir(join(site.folder, tenant))).not.toContain(file);
    }),
  );

  it(
    'is refused without the folder where that is needed',
    inTenant(async (tenant) => {
      await archived(100);
      await hide();
      const without = new PostgresEventStore(site.opened.database);
      await expect(without.scavenge()).rejects.toMatchObject({ code: 'archive-unavailable' });
      expect(await inFiles(tenant)).toHaveLength(12);
      expect(await site.store.scavenge()).toBe(8);
    }),
  );

  it(
    'goes on beside readers, who miss nothing that is shown',
    inTenant(async () => {
      await archived(2);
      for (let n = 0; n < 3; n += 1) {
        await site.add(counted, 20);
        await site.store.archive({ upTo: await site.store.lastPosition(), eventsPerFile: 5 });
      }
      await hide();
      let scavenging = true;
      const scavenged = site.store.scavenge().finally(() => (scavenging = false));
      const elsewhere = new PostgresEventStore(site.opened.database, { archiveFolder: site.folder });
      const readers = [1, 7, 100].map(async (limit) => {
        while (scavenging) {
          for (let after = 0n; ;) {
            const page = await elsewhere.readFeed({ after, limit, categories: ['thing'] });
            const shown = page.events.filter((event) => event.stream === kept);
            for (const event of shown) expect(event.globalPosition).toBeGreaterThan(after);
            if (page.events.length === 0) break;
            after = page.through;
          }
          expect(await Array.fromAsync(elsewhere.readStream(kept))).toHaveLength(4);
          expect(await Array.fromAsync(elsewhere.readStream(counted))).toHaveLength(2);
        }
      });
      await Promise.all([scavenged, ...readers]);
    }),
  );
});
