// Persistent subscriptions as the official client uses them: delivered, acknowledged or not, parked, replayed.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  END,
  eventTypeFilter,
  persistentSubscriptionToAllSettingsFromDefaults,
  streamNameFilter,
} from '@eventstore/db-client';
import { newId } from '@concord/kernel';
import { consuming, typesOf } from './consuming.js';
import { events, fresh, fromStart, serversUnderTest, subscribed, until } from './persistent-kit.js';
import { collect } from './server-under-test.js';

const servers = serversUnderTest();

describe('a persistent subscription to a stream', () => {
  it('delivers what is there and what comes, once acknowledged no more', async () => {
    const { client, stream, consume } = await subscribed(servers.shared, ['A', 'B']);
    const one = consume();
    await one.confirmed;
    expect(typesOf(await one.take(2))).toEqual(['A', 'B']);
    await client.appendToStream(stream, events('C'));
    const [c] = await one.take(1);
    expect(c).toMatchObject({ retryCount: 0, event: { type: 'C', revision: 2n, streamId: stream } });
    await one.ack(...one.seen);
    await sleep(200);
    await one.leave();
    const two = consume();
    await client.appendToStream(stream, events('D'));
    expect(typesOf(await two.take(1))).toEqual(['D']);
    await two.leave();
  });

  it('delivers again, counted, what a consumer had in hand when it went', async () => {
    const { consume } = await subscribed(servers.shared, ['A', 'B', 'C']);
    const one = consume();
    const [a] = await one.take(3);
    await one.ack(a!);
    await sleep(200);
    await one.leave();
    const two = consume();
    const again = await two.take(2);
    expect(typesOf(again)).toEqual(['B', 'C']);
    expect(again.map(({ retryCount }) => retryCount)).toEqual([1, 1]);
    await two.leave();
  });

  it('starts where it was told, from the end too: that of the moment when it was made', async () => {
    const { client } = servers.shared;
    const stream = fresh();
    await client.appendToStream(stream, events('A', 'B', 'C'));
    for (const [group, startFrom] of [
      ['second', 1n],
      ['end', END],
    ] as const) {
      await client.createPersistentSubscriptionToStream(stream, group, fromStart({ startFrom }));
    }
    await client.appendToStream(stream, events('D'));
    const consume = (group: string) => consuming(client.subscribeToPersistentSubscriptionToStream(stream, group));
    const [second, end] = [consume('second'), consume('end')];
    expect(typesOf(await second.take(3))).toEqual(['B', 'C', 'D']);
    expect(typesOf(await end.take(1))).toEqual(['D']);
    await Promise.all([second.leave(), end.leave()]);
  });

  it('has no more in the hand of a consumer than its buffer takes', async () => {
    const { consume, info } = await subscribed(servers.shared, ['A', 'B', 'C', 'D', 'E']);
    const one = consume(2);
    const [a, b] = await one.take(2);
    await sleep(200);
    expect(one.seen).toHaveLength(2);
    expect((await info()).connections[0]).toMatchObject({ availableSlots: 0, inFlightMessages: 2 });
    await one.ack(a!);
    expect(typesOf(await one.take(1))).toEqual(['C']);
    await sleep(200);
    expect(one.seen).toHaveLength(3);
    await one.ack(b!);
    await one.leave();
  });

  it('resolves links, of system streams too, when it is to; links are what is acknowledged', async () => {
    const category = `c${newId().replaceAll('-', '')}`;
    await servers.shared.client.appendToStream(`${category}-1`, events('A', 'B'));
    const { consume, client } = await subscribed(servers.shared, [], { resolveLinkTos: true }, `$ce-${category}`);
    const one = consume(1);
    const [a] = await one.take(1);
    expect(a).toMatchObject({ event: { type: 'A', streamId: `${category}-1` }, link: { type: '$>' } });
    await one.ack(a!);
    const [b] = await one.take(1);
    expect(b!.event!.type).toBe('B');
    await one.nack('park', b!);
    const parked = `$persistentsubscription-$ce-${category}::g-parked`;
    await until(async () => (await collect(client.readStream(parked)).catch(() => [])).length === 1);
    const [link] = await collect(client.readStream(parked, { resolveLinkTos: true }));
    expect(link!.event).toMatchObject({ type: 'B', streamId: `${category}-1` });
    await one.leave();
  });
});

describe('an event that is not acknowledged', () => {
  it('comes again when the consumer asks, or its time is up, with the number of tries', async () => {
    const { consume } = await subscribed(servers.shared, ['A'], { messageTimeout: 300 });
    const one = consume();
    const [first] = await one.take(1);
    await one.nack('retry', first!);
    const [second] = await one.take(1);
    expect(second).toMatchObject({ retryCount: 1, event: { type: 'A' } });
    const [third] = await one.take(1);
    expect(third!.retryCount).toBe(2);
    await one.ack(third!);
    await sleep(500);
    expect(one.seen).toHaveLength(3);
    await one.leave();
  });

  it('is skipped when the consumer says so', async () => {
    const { consume, info } = await subscribed(servers.shared, ['A', 'B']);
    const one = consume(1);
    const [a] = await one.take(1);
    await one.nack('skip', a!);
    expect(typesOf(await one.take(1))).toEqual(['B']);
    expect((await info()).stats.parkedMessageCount).toBe(0n);
    await one.leave();
  });

  it('is parked after its last try, as a link with the reason', async () => {
    const { client, consume, info, parked } = await subscribed(servers.shared, ['A', 'B'], {
      maxRetryCount: 2,
      messageTimeout: 0,
    });
    const one = consume(1);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const [a] = await one.take(1);
      expect(a).toMatchObject({ retryCount: attempt, event: { type: 'A' } });
      await one.nack('retry', a!);
    }
    expect(typesOf(await one.take(1))).toEqual(['B']);
    await until(async () => (await info()).stats.parkedMessageCount === 1n);
    const [link] = await collect(client.readStream(parked, { resolveLinkTos: true }));
    expect(link!.event).toMatchObject({ type: 'A', revision: 0n });
    expect(link!.link!.metadata).toMatchObject({
      reason: expect.stringContaining('Reached retry count of 2'),
      subscriptionEventNumber: 0,
    });
    await one.leave();
  });

  it('is parked at once when the consumer says so, and replayed when somebody asks', async () => {
    const { client, stream, consume, info, parked } = await subscribed(servers.shared, ['A', 'B', 'C']);
    const one = consume();
    const [a, b, c] = await one.take(3);
    await one.nack('park', a!, c!);
    await one.ack(b!);
    await until(async () => (await info()).stats.parkedMessageCount === 2n);
    await client.replayParkedMessagesToStream(stream, 'g', { stopAt: 1 });
    const [again] = await one.take(1);
    expect(again).toMatchObject({ retryCount: 0, event: { type: 'A', streamId: stream }, link: { streamId: parked } });
    await one.ack(again!);
    await until(async () => (await collect(client.readStream(parked))).length === 1);
    await client.replayParkedMessagesToStream(stream, 'g');
    const [last] = await one.take(1);
    expect(last!.event!.type).toBe('C');
    await one.nack('park', last!);
    await until(async () => (await info()).stats.parkedMessageCount === 1n);
    const kept = await collect(client.readStream(parked, { resolveLinkTos: true }));
    expect(kept.map(({ event: target }) => target?.type)).toContain('C');
    await one.leave();
  });

  it('goes to another consumer when one asks for the stop, which is dropped', async () => {
    const { consume } = await subscribed(servers.shared, ['A']);
    const one = consume();
    const [a] = await one.take(1);
    await one.nack('stop', a!);
    expect(await one.ended).toMatchObject({ type: 'persistent-subscription-dropped' });
    const two = consume();
    expect((await two.take(1))[0]).toMatchObject({ retryCount: 1, event: { type: 'A' } });
    await two.leave();
  });
});

describe('a persistent subscription to $all', () => {
  it.each([
    ['all', undefined, ['W1', 'N1', 'W2']],
    ['by stream', streamNameFilter({ prefixes: ['wanted'] }), ['W1', 'W2']],
    ['by type', eventTypeFilter({ regex: '^W' }), ['W1', 'W2']],
  ])('delivers %s, and never what it parked itself', async (_, filter, expected) => {
    const own = await servers.another();
    const { client } = own;
    const start = await client.appendToStream('before-1', events('Before'));
    const { commit } = start.position!;
    const startFrom = { commit: commit + 1n, prepare: commit + 1n };
    const settings = persistentSubscriptionToAllSettingsFromDefaults({
      startFrom,
      checkPointLowerBound: 1,
      checkPointAfter: 50,
    });
    await client.createPersistentSubscriptionToAll('g', settings, filter ? { filter } : {});
    await client.appendToStream('wanted-1', events('W1'));
    await client.appendToStream('other-1', events('N1'));
    const last = await client.appendToStream('wanted-2', events('W2'));
    const one = consuming(client.subscribeToPersistentSubscriptionToAll('g'));
    const wanted = ({ event: shown }: (typeof one.seen)[number]) => !shown?.type.startsWith('$');
    await until(async () => one.seen.filter(wanted).length === expected.length);
    expect(typesOf(one.seen.filter(wanted))).toEqual(expected);
    await one.nack('park', ...one.seen);
    await until(async () => {
      const { stats } = await client.getPersistentSubscriptionToAllInfo('g');
      return (stats.lastCheckpointedEventPosition?.commit ?? 0n) >= last.position!.commit;
    });
    const { parkedMessageCount } = (await client.getPersistentSubscriptionToAllInfo('g')).stats;
    expect(parkedMessageCount).toBe(BigInt(one.seen.length));
    await sleep(300);
    expect(one.seen.filter(({ event: shown }) => shown?.streamId.includes('-parked'))).toEqual([]);
    await client.replayParkedMessagesToAll('g');
    await until(async () => one.seen.filter(wanted).length === 2 * expected.length);
  });
});
