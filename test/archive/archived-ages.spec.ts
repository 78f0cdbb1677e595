// What a maximum age hides is hidden in archives, too, also while everything that is left in the table is young enough.
import { linkTo } from '@concord/event-store';
import { streamName } from '@concord/kernel';
import { withClient } from '@concord/testing';
import { ArchiveUnderTest, inTenant } from './kit.js';

let site: ArchiveUnderTest;
beforeAll(async () => {
  site = await ArchiveUnderTest.open();
});
afterAll(() => site.close());

const HOUR = 3600;
const stream = streamName('aged', '1');
const query = (text: string, tenant: string) =>
  withClient(site.testDatabase.url, (client) => client.query(text, [tenant]));
const positions = async (options = {}) =>
  (await site.read(stream, options)).map(({ streamPosition }) => Number(streamPosition));

/** Six events, of 10.5, 9.5, 8.5, 7.5, 6.5 and 5.5 hours ago, the first four of them in files of three. */
async function archived(tenant: string): Promise<void> {
  await site.add(stream, 6);
  await query(
    `update concord.events set recorded_at = now() - (10.5 - stream_position) * interval '1 hour' where tenant_id = $1`,
    tenant,
  );
  const { globalPosition } = (await site.read(stream))[3]!;
  expect(await site.store.archive({ upTo: globalPosition, eventsPerFile: 3 })).toEqual({ events: 4, files: 2 });
}

describe('a maximum age', () => {
  it.each([
    ['nothing', 11, [0, 1, 2, 3, 4, 5]],
    ['some of a file', 9, [2, 3, 4, 5]],
    ['a file, and none of the next one', 8, [3, 4, 5]],
    ['all files', 7, [4, 5]],
    ['some of the table', 6, [5]],
    ['everything', 5, []],
  ])('that leaves out %s holds for reads, loads and links, and for scavenging', (_what, hours, shown) =>
    inTenant(async (tenant) => {
      await archived(tenant);
      await site.store.writeStreamMetadata(stream, { maxAge: hours * HOUR });
      expect(await positions()).toEqual(shown);
      expect(await positions({ direction: 'backwards' })).toEqual(shown.toReversed());
      expect(await site.load(stream)).toMatchObject({ revision: 5n, first: BigInt(6 - shown.length) });
      expect((await site.load(stream)).events).toHaveLength(shown.length);
      const list = streamName('list', '1');
      const links = [0n, 1n, 2n, 3n].map((streamPosition) => linkTo({ stream, streamPosition }));
      await site.store.append({ stream: list, expected: 'any', events: links });
      const resolved = await site.read(list, { resolveLinks: true });
      expect(resolved.flatMap((event) => (event.stream === stream ? [Number(event.streamPosition)] : []))).toEqual(
        shown.filter((position) => position < 4),
      );
      // The last event of a stream stays.
      const left = shown.length > 0 ? shown : [5];
      expect(await site.store.scavenge()).toBe(6 - left.length);
      await site.store.writeStreamMetadata(stream, {});
      expect(await positions()).toEqual(left);
    })(),
  );

  it(
    'hides archives of before their times were kept as soon as the file itself is too old',
    inTenant(async (tenant) => {
      await archived(tenant);
      await query('update concord.archived_streams set recorded_at = null where tenant_id = $1', tenant);
      await site.store.writeStreamMetadata(stream, { maxAge: 7 * HOUR });
      expect(await positions()).toEqual([0, 1, 2, 3, 4, 5]);
      await query(
        `update concord.archives set archived_at = now() - interval '7.1 hours'
          where tenant_id = $1 and archive_id = (select min(archive_id) from concord.archives where tenant_id = $1)`,
        tenant,
      );
      expect(await positions()).toEqual([3, 4, 5]);
    }),
  );
});
