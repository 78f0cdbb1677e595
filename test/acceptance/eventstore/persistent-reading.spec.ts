// What a persistent subscription to a system stream looks at: each part of the feed once, and never what is not settled yet.
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import { eventually } from '../../fixtures/data-folder.js';
import { alone, consume } from './persistent-alone.js';
import { until } from './persistent-kit.js';
import { TENANT } from './server-under-test.js';

let test: TestDatabase;

beforeEach(async () => {
  test = await createTestDatabase();
});

afterEach(async () => {
  await test.drop();
});

const KEEPS_AT_ONCE = { checkpointAfter: 0, minCheckpointCount: 1, maxCheckpointCount: 1 };

it.each(['$et-Wanted', '$ce-wanted'])('%s is read on from the end, also where nothing matched', async (stream) => {
  await alone(test.url, {}, async ({ stored, append, begin }) => {
    const wanted = await append('wanted-1', 'Wanted');
    const subscription = await begin({ stream, settings: KEEPS_AT_ONCE });
    const sent = consume(subscription);
    await eventually(() => sent.length === 1, 'the first one');
    const others = await append('other-1', 'Other', 'Other', 'Other');
    await until(async () => subscription.progress.lastKnown === others);
    const before = stored.feedReads.length;
    const later = await append('other-1', 'Other');
    await until(async () => subscription.progress.lastKnown === later);
    const reads = stored.feedReads.slice(before).filter(({ backwards }) => !backwards);
    for (const { from } of reads) expect(from).toBeGreaterThan(others);
    // One is in hand still: nothing beyond it is done with.
    expect(subscription.checkpoint ?? wanted - 1n).toBe(wanted - 1n);
    subscription.dispatcher.ack([sent[0]!.id]);
    await until(async () => subscription.checkpoint === later);
    await append('wanted-2', 'Wanted');
    await eventually(() => sent.length === 2, 'the next one');
  });
});

it('what is not settled yet is waited for, however much is appended after it', async () => {
  await alone(test.url, {}, async ({ stored, append, begin }) => {
    const forwards = () => stored.feedReads.filter(({ backwards }) => !backwards).length;
    const first = await append('other-1', 'Other');
    const subscription = await begin({ stream: '$et-Wanted', settings: KEEPS_AT_ONCE });
    const sent = consume(subscription);
    await until(async () => subscription.progress.lastKnown === first);
    await withClient(test.url, async (client) => {
      await client.query('begin');
      await client.query(
        `select concord.append_event($1, 'wanted-1', 'any', gen_random_uuid(), 'Wanted', '{}', '{}', true)`,
        [TENANT],
      );
      // The second one is read after what the first one brought was taken in.
      for (let n = 0; n < 2; n += 1) {
        const before = forwards();
        await append('other-1', 'Other');
        await eventually(() => forwards() > before, 'it reads on');
      }
      expect(subscription.progress.lastKnown).toBe(first);
      expect(subscription.checkpoint).toBe(first);
      await client.query('commit');
    });
    await eventually(() => sent.length === 1, 'what was committed late');
  });
});
