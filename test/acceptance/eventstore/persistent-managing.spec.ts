// Persistent subscriptions as they are made, changed, looked at, restarted and deleted.
import { setTimeout as sleep } from 'node:timers/promises';
import { END, eventTypeFilter, persistentSubscriptionToAllSettingsFromDefaults, START } from '@eventstore/db-client';
import { withClient } from '@concord/testing';
import { consuming, typesOf } from './consuming.js';
import { events, fresh, fromStart, serversUnderTest, subscribed, until } from './persistent-kit.js';
import { event, taking, TENANT } from './server-under-test.js';

const servers = serversUnderTest();

describe('making, changing and deleting', () => {
  it('is refused with the errors that clients know', async () => {
    const { client, stream } = await subscribed(servers.shared, []);
    const twice = client.createPersistentSubscriptionToStream(stream, 'g', fromStart());
    await expect(twice).rejects.toMatchObject({
      type: 'persistent-subscription-exists',
      streamName: stream,
      groupName: 'g',
    });
    const absent = { type: 'persistent-subscription-does-not-exist', groupName: 'none' };
    await expect(client.updatePersistentSubscriptionToStream(stream, 'none', fromStart())).rejects.toMatchObject(
      absent,
    );
    await expect(client.deletePersistentSubscriptionToStream(stream, 'none')).rejects.toMatchObject(absent);
    await expect(client.replayParkedMessagesToStream(stream, 'none')).rejects.toMatchObject(absent);
    await expect(client.getPersistentSubscriptionToStreamInfo(stream, 'none')).rejects.toMatchObject(absent);
    const consumer = consuming(client.subscribeToPersistentSubscriptionToStream(stream, 'none'));
    expect(await consumer.ended).toMatchObject(absent);
    const refused = { type: 'persistent-subscription-failed' };
    const small = fromStart({ readBatchSize: 500, historyBufferSize: 500 });
    await expect(client.createPersistentSubscriptionToStream(stream, 'small', small)).rejects.toMatchObject(refused);
    await expect(client.createPersistentSubscriptionToStream('$all', 'g', fromStart())).rejects.toMatchObject(refused);
    await expect(client.createPersistentSubscriptionToStream(stream, '', fromStart())).rejects.toMatchObject(refused);
    const beyond = persistentSubscriptionToAllSettingsFromDefaults({ startFrom: { commit: 10n ** 12n, prepare: 1n } });
    await expect(client.createPersistentSubscriptionToAll('beyond', beyond)).rejects.toMatchObject(refused);
    const bad = { filter: eventTypeFilter({ regex: '(' }) };
    const all = persistentSubscriptionToAllSettingsFromDefaults({ startFrom: START });
    await expect(client.createPersistentSubscriptionToAll('bad', all, bad)).rejects.toThrow(/regular expression/);
    await expect(client.getPersistentSubscriptionToAllInfo('bad')).rejects.toMatchObject({ type: absent.type });
  });

  it.each([
    ['x', 100_000],
    ['界', 20_000],
    ['\u{1F600}', 20_000],
  ])('is refused by a name that is far too long, and no other call ends with that one: %s', async (letter, count) => {
    const { client, stream } = await subscribed(servers.shared, ['A']);
    const live = client.subscribeToStream(stream, { fromRevision: START });
    const take = taking(live);
    await take(1);
    const long = letter.repeat(count);
    const refused = { type: 'persistent-subscription-failed', message: expect.stringContaining('...') as string };
    await expect(client.createPersistentSubscriptionToStream(long, 'g', fromStart())).rejects.toMatchObject(refused);
    await expect(client.createPersistentSubscriptionToStream(stream, long, fromStart())).rejects.toMatchObject(refused);
    await client.appendToStream(stream, events('B'));
    expect((await take(1))[0]!.event!.type).toBe('B');
    await live.unsubscribe();
  });

  it('takes no more consumers than it was told to', async () => {
    const { consume } = await subscribed(servers.shared, ['A'], { maxSubscriberCount: 1 });
    const one = consume();
    await one.take(1);
    expect(await consume().ended).toMatchObject({ type: 'maximum-subscribers-reached', groupName: 'g' });
    await one.leave();
  });

  it('drops the consumers of one that is updated, and goes on with the new settings where it was', async () => {
    const { client, stream, consume, info } = await subscribed(servers.shared, ['A', 'B'], { checkPointUpperBound: 1 });
    const one = consume();
    const [a] = await one.take(2);
    await one.ack(a!);
    await until(async () => (await info()).stats.lastCheckpointedEventRevision === 0n);
    const revised = fromStart({ maxRetryCount: 3, consumerStrategyName: 'Pinned', extraStatistics: true });
    await client.updatePersistentSubscriptionToStream(stream, 'g', revised);
    expect(await one.ended).toMatchObject({ type: 'persistent-subscription-dropped' });
    expect((await info()).settings).toMatchObject({
      maxRetryCount: 3,
      consumerStrategyName: 'Pinned',
      startFrom: START,
    });
    const two = consume();
    const [b] = await two.take(1);
    expect(b!.event!.type).toBe('B');
    await two.ack(b!);
    await until(async () => (await info()).connections[0]?.extraStatistics?.has('highest') ?? false);
    await two.leave();
  });

  it('drops the consumers of one that is deleted; one of the same name begins anew, with nothing parked', async () => {
    const { client, stream, consume, info } = await subscribed(servers.shared, ['A', 'B'], { checkPointUpperBound: 1 });
    const one = consume();
    const [a, b] = await one.take(2);
    await one.nack('park', a!);
    await one.ack(b!);
    await until(async () => (await info()).stats.lastCheckpointedEventRevision === 1n);
    await client.deletePersistentSubscriptionToStream(stream, 'g');
    expect(await one.ended).toMatchObject({ type: 'persistent-subscription-dropped', streamName: stream });
    await expect(info()).rejects.toMatchObject({ type: 'persistent-subscription-does-not-exist' });
    await client.createPersistentSubscriptionToStream(stream, 'g', fromStart());
    expect((await info()).stats.parkedMessageCount).toBe(0n);
    const two = consume();
    expect(typesOf(await two.take(2))).toEqual(['A', 'B']);
    await two.leave();
  });

  it('tells what there is: of a stream, of $all, and of everything', async () => {
    const { client, stream, info } = await subscribed(servers.shared, ['A', 'B']);
    await until(async () => (await info()).stats.lastKnownEventRevision === 1n);
    expect(await info()).toMatchObject({
      eventSource: stream,
      groupName: 'g',
      status: 'Live',
      connections: [],
      settings: { ...fromStart(), startFrom: START },
    });
    await client.createPersistentSubscriptionToStream(stream, 'h', fromStart({ startFrom: END }));
    await client.createPersistentSubscriptionToAll('every', persistentSubscriptionToAllSettingsFromDefaults());
    const own = await client.listPersistentSubscriptionsToStream(stream);
    expect(own.map(({ groupName, settings }) => [groupName, settings.startFrom])).toEqual([
      ['g', START],
      ['h', END],
    ]);
    const all = await client.listPersistentSubscriptionsToAll();
    expect(all).toMatchObject([{ eventSource: '$all', groupName: 'every', settings: { startFrom: END } }]);
    const total = await client.listAllPersistentSubscriptions();
    expect(total.map(({ groupName }) => groupName)).toEqual(expect.arrayContaining(['g', 'h', 'every']));
    const none = { type: 'persistent-subscription-does-not-exist' };
    await expect(client.listPersistentSubscriptionsToStream(fresh())).rejects.toMatchObject(none);
    await client.deletePersistentSubscriptionToAll('every');
  });

  it('restarts all of them: consumers are dropped, nothing is lost', async () => {
    const own = await servers.another();
    const { client } = own;
    await client.appendToStream('order-1', events('A', 'B'));
    await client.createPersistentSubscriptionToStream('order-1', 'g', fromStart());
    const one = consuming(client.subscribeToPersistentSubscriptionToStream('order-1', 'g'));
    const [a] = await one.take(2);
    await one.ack(a!);
    await sleep(100);
    await client.restartPersistentSubscriptionSubsystem();
    expect(await one.ended).toMatchObject({ type: 'persistent-subscription-dropped' });
    const two = consuming(client.subscribeToPersistentSubscriptionToStream('order-1', 'g'));
    expect(typesOf(await two.take(1))).toEqual(['B']);
  });

  it('is done one after the other, however many clients do it at once', async () => {
    const stream = fresh();
    const clients = [servers.shared.connect(), servers.shared.connect(), servers.shared.connect()];
    const groups = ['a', 'b', 'c', 'd', 'e', 'f'];
    const made = await Promise.allSettled(
      clients.flatMap((client) =>
        groups.map((group) => client.createPersistentSubscriptionToStream(stream, group, fromStart())),
      ),
    );
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(groups.length);
    for (const result of made) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ type: 'persistent-subscription-exists' });
    }
    await servers.shared.client.restartPersistentSubscriptionSubsystem();
    const kept = await servers.shared.client.listPersistentSubscriptionsToStream(stream);
    expect(kept.map(({ groupName }) => groupName).toSorted()).toEqual(groups);
    const gone = await Promise.allSettled(
      clients.map((client) => client.deletePersistentSubscriptionToStream(stream, 'a')),
    );
    expect(gone.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('tells consumers when the stream cannot be read any more', async () => {
    const { client, stream, consume } = await subscribed(servers.shared, ['A']);
    const one = consume();
    await one.take(1);
    await client.tombstoneStream(stream);
    expect(await one.ended).toMatchObject({ type: 'stream-deleted', streamName: stream });
    expect(await consume().ended).toMatchObject({ type: 'stream-deleted' });
    await client.deletePersistentSubscriptionToStream(stream, 'g');
  });

  it('keeps no position that has no event: after a crash of PostgreSQL another one may get it', async () => {
    const own = await servers.another();
    const { client } = own;
    const last = await client.appendToStream('order-1', events('A', 'B'));
    const burn = () =>
      withClient(own.databaseUrl, async (database) => {
        await database.query('begin');
        const append = `select concord.append_event($1, 'burnt-1', 'any', gen_random_uuid(), 'Burnt', '{}', '{}', true)`;
        for (let n = 0; n < 10; n += 1) await database.query(append, [TENANT]);
        await database.query('rollback');
      });
    await burn();
    const all = (startFrom: typeof START | typeof END) =>
      persistentSubscriptionToAllSettingsFromDefaults({ startFrom, checkPointLowerBound: 1, checkPointUpperBound: 1 });
    await client.createPersistentSubscriptionToAll('end', all(END));
    const filter = eventTypeFilter({ prefixes: ['None'] });
    await client.createPersistentSubscriptionToAll('filtered', all(START), { filter });
    const { events: entries, checkpoint } = await withClient(own.databaseUrl, async (database) => {
      const config = await database.query<{ data: { entries: { group: string; startsAt: string }[] } }>(
        `select data from concord.events where stream_name = '$persistentSubscriptionConfig' order by stream_position`,
      );
      await until(async () => (await checkpoints(database)).length > 0);
      await burn();
      await client.appendToStream('order-1', event('C'));
      await burn();
      await sleep(500);
      // Keeps where each of them is.
      await client.restartPersistentSubscriptionSubsystem();
      return { events: config.rows.at(0)!.data.entries, checkpoint: await checkpoints(database) };
    });
    expect(entries).toMatchObject([{ group: 'end', startsAt: `${last.position!.commit + 1n}` }]);
    const c = client.readStream('order-1', { fromRevision: 2n });
    for await (const { event: shown } of c) expect(checkpoint).toEqual([shown!.position!.commit]);
  });
});

async function checkpoints(database: { query(text: string): Promise<{ rows: { position: string }[] }> }) {
  const { rows } = await database.query(
    `select position from concord.checkpoints where subscription like '%::filtered'`,
  );
  return rows.map(({ position }) => BigInt(position));
}
