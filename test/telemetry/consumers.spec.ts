// What readers tell of themselves: consumers, consumer groups, and the watch over the feed.
import { setTimeout as sleep } from 'node:timers/promises';
import { FeedHorizon, FeedWatch } from '@concord/event-store';
import { newId, streamName } from '@concord/kernel';
import { Consumer } from '@concord/subscriptions';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import { SpanKind } from '@opentelemetry/api';
import { type Node, openNode, tables, until } from '../fixtures/group-member.js';
import { ended, startProcess } from '../fixtures/process-under-test.js';
import { inTrace, startTelemetry, type Telemetry, traceparentOf } from '../fixtures/telemetry.js';

let created: TestDatabase;
let node: Node;
let telemetry: Telemetry;
beforeEach(async () => {
  created = await createTestDatabase();
  telemetry = startTelemetry();
  node = await openNode({ url: created.url, eventsUrl: created.url });
});
afterEach(async () => {
  await node.close();
  await node.store.close();
  await telemetry.stop();
  await created.drop();
});

const append = (id: string = newId(), tenant = 't1') =>
  runInTenant(tenant, () =>
    node.store.append({
      stream: streamName('order', id),
      expected: 'any',
      events: [{ id: newId(), type: 'Placed', data: { by: 'Jane Doe' } }],
    }),
  );
const contexts = () => telemetry.named('append order').map((span) => span.spanContext());
const value = async (metric: string): Promise<number> =>
  (await telemetry.points(metric)).reduce((sum, point) => sum + (point.value as number), 0);

const LAG = 'concord.consumer_group.slice.lag';

/** What of parked events the database is asked for one collection. */
async function questions(): Promise<string[]> {
  const { queryOutside } = node.database;
  const texts: string[] = [];
  node.database.queryOutside = (statement, values) => {
    texts.push(statement.text);
    return queryOutside.call(node.database, statement, values) as never;
  };
  await telemetry.collect();
  node.database.queryOutside = queryOutside;
  return texts.filter((text) => text.includes('parked_events'));
}

describe('a consumer group', () => {
  it('handles each event in the trace that appended it, and its own appends follow in it', async () => {
    const done: string[] = [];
    const member = await inTrace(() =>
      node.join({ name: 'shipping', slices: 2 }, async (event) => {
        if (event.type !== 'Placed') return;
        const shipped = { id: newId(), type: 'Shipped', data: {} };
        await node.store.append({ stream: streamName('parcel', newId()), expected: 'no-stream', events: [shipped] });
        done.push(event.id);
      }),
    );
    const traces = [await inTrace(() => append()), await inTrace(() => append())];
    await until('both are handled', () => telemetry.named('process shipping').length >= 4);
    const appends = telemetry.named('append order');
    for (const { traceId, result } of traces) {
      const [event] = result[0]!.events;
      const [span] = telemetry
        .named('process shipping')
        .filter(({ attributes }) => attributes['messaging.message.id'] === event!.id);
      const [origin] = appends.filter((one) => one.spanContext().traceId === traceId);
      expect(event!.metadata['traceparent']).toBe(traceparentOf(origin!));
      expect(span).toMatchObject({
        kind: SpanKind.CONSUMER,
        parentSpanContext: { spanId: origin!.spanContext().spanId },
      });
      expect(span!.spanContext().traceId).toBe(traceId);
      expect(span!.attributes).toEqual({
        'messaging.system.name': 'concord',
        'messaging.operation.name': 'process',
        'messaging.operation.type': 'process',
        'messaging.destination.name': '$all',
        'messaging.consumer.group.name': 'shipping',
        'messaging.message.id': event!.id,
        'concord.event.type': 'Placed',
        'concord.delivery.attempt': 1,
        'concord.slice': expect.any(Number),
        'concord.tenant.id': 't1',
      });
      const follows = telemetry.named('append parcel').filter((one) => one.spanContext().traceId === traceId);
      expect(follows.map((one) => one.parentSpanContext?.spanId)).toEqual([span!.spanContext().spanId]);
    }
    // The trace in which somebody joined ended with that.
    expect(
      telemetry.spans.filter((span) => span.spanContext().traceId === member.traceId).map(({ name }) => name),
    ).toEqual(['spec']);
    const [handled] = await telemetry.points('messaging.process.duration');
    expect(handled).toMatchObject({ attributes: { 'messaging.consumer.group.name': 'shipping' } });
    expect(handled!.value.count).toBeGreaterThanOrEqual(4);
  });

  it('begins a trace of its own for an event without one', async () => {
    await telemetry.stop();
    await append();
    telemetry = startTelemetry();
    await node.join({ name: 'late', slices: 1 }, async () => undefined);
    await until('it is handled', () => telemetry.named('process late').length === 1);
    expect(telemetry.named('process late')[0]!.parentSpanContext).toBeUndefined();
  });

  it('shows its lag, what is parked and what waits, for the slices that it owns, in one query a collection', async () => {
    const first = await node.join({ name: 'strict', slices: 4, maxAttempts: 1 }, () =>
      Promise.reject(new TypeError('Jane Doe')),
    );
    await append('1');
    await append('2', 't2');
    await until('both are parked', () => node.failures.filter(({ outcome }) => outcome === 'parked').length === 2);
    expect(await value('concord.consumer_group.parked')).toBe(2);
    expect(await value('concord.consumer_group.waiting_streams')).toBe(2);
    const failed = telemetry.named('process strict').map(({ attributes }) => attributes['error.type']);
    expect(failed).toEqual(['TypeError', 'TypeError']);
    const lags = await telemetry.points('concord.consumer_group.slice.lag');
    expect(lags.map(({ attributes }) => attributes['concord.slice']).sort()).toEqual([0, 1, 2, 3]);
    // Of all tenants, and yet one question.
    expect(await questions()).toHaveLength(1);
    await first.leave();
    expect(await questions()).toEqual([]);
  });

  it('tells of a slice that another process has taken over as of one without a lag', async () => {
    await withClient(created.url, (client) => client.query(tables));
    const options = { name: 'moving', slices: 2, batchSize: 1, leaseMs: 2000 };
    const member = await node.join(options, () => sleep(200));
    for (let n = 0; n < 40; n += 1) await append();
    const lags = async (): Promise<Map<unknown, unknown>> =>
      new Map((await telemetry.points(LAG)).map((point) => [point.attributes['concord.slice'], point.value]));
    await until('both are behind', async () => {
      const told = [...(await lags()).values()];
      return told.length === 2 && told.every((lag) => (lag as number) > 0);
    });
    const { process: other } = await startProcess(
      'group-member-process.ts',
      JSON.stringify(node.places),
      JSON.stringify(options),
    );
    try {
      await until('one slice is gone', async () => ((await lags()).size === 2 ? member.slices.length === 1 : false));
      const [moved] = [0, 1].filter((slice) => !member.slices.includes(slice));
      expect((await lags()).get(moved)).toBe(0);
    } finally {
      other.kill('SIGKILL');
      await ended(other);
    }
  });

  it('has a lag while its handler does not come on', async () => {
    let go = (): void => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    await node.join({ name: 'slow', slices: 1, batchSize: 1 }, () => held);
    for (let n = 0; n < 3; n += 1) await append();
    await until('it is behind', async () => (await value('concord.consumer_group.slice.lag')) === 3);
    go();
    await until('it has caught up', async () => (await value('concord.consumer_group.slice.lag')) === 0);
  });
});

describe('a consumer', () => {
  const consumers: Consumer[] = [];
  afterEach(() => Promise.all(consumers.splice(0).map((consumer) => consumer.stop())));
  function consume(name: string, handle: () => Promise<void>): Consumer {
    const consumer = new Consumer(node.store, node.database, { name, handle });
    consumers.push(consumer);
    return consumer;
  }

  it('handles a batch in a trace of its own, linked to those of its events', async () => {
    for (let n = 0; n < 3; n += 1) await inTrace(() => append());
    const { traceId } = await inTrace(async () => consume('mirror', async () => undefined).start());
    await until('it is handled', () => telemetry.named('process mirror').length === 1);
    const [span] = telemetry.named('process mirror');
    expect(span).toMatchObject({ kind: SpanKind.CONSUMER, parentSpanContext: undefined });
    expect(span!.spanContext().traceId).not.toBe(traceId);
    expect(span!.links.map(({ context }) => [context.traceId, context.spanId])).toEqual(
      contexts().map((context) => [context.traceId, context.spanId]),
    );
    expect(span!.attributes['messaging.batch.message_count']).toBe(3);
    // Looking for what is new is no part of the trace of whoever started it.
    expect(telemetry.named('read_feed')).toEqual([]);
  });

  it('shows how far it is behind, and that it fails', async () => {
    let fails = false;
    await append();
    const consumer = consume('careful', () => (fails ? Promise.reject(new TypeError('Jane Doe')) : Promise.resolve()));
    consumer.start();
    await until('it has begun', async () => telemetry.named('process careful').length === 1);
    fails = true;
    await append();
    await until('it fails', async () => (await value('concord.consumer.failing_tenants')) === 1);
    await append();
    await until('it is behind', async () => (await value('concord.consumer.lag')) === 2);
    // And stays so between its attempts, which come later and later.
    for (let reading = 0; reading < 10; reading += 1) {
      await sleep(50);
      expect(await value('concord.consumer.lag')).toBe(2);
    }
    const [point] = await telemetry.points('concord.consumer.lag');
    expect(point!.attributes).toEqual({ 'messaging.consumer.group.name': 'careful' });
    fails = false;
    await until('it has caught up', async () => (await value('concord.consumer.lag')) === 0);
    expect(await value('concord.consumer.failing_tenants')).toBe(0);
  });
});

describe('the watch over the feed', () => {
  it('shows how much is hidden and since when, without a question to the database', async () => {
    const watch = new FeedWatch(new FeedHorizon(node.database), { everyMs: 50 });
    watch.start();
    await withClient(created.url, async (client) => {
      await client.query('begin');
      await client.query(
        `select concord.append('t1', json_build_array(json_build_object('stream', 'order-open', 'expected', 'any', 'events',
          json_build_array(json_build_object('id', gen_random_uuid(), 'type', 'Placed', 'data', '{}'::json)))))`,
      );
      await append();
      await until('it is seen', async () => (await value('concord.feed.lag')) === 2);
      await until('time passes', async () => (await value('concord.feed.hidden_time')) > 0.1);
      expect(await value('concord.feed.hidden_time')).toBeLessThan(60);
      await client.query('commit');
    });
    await until('it moves again', async () => (await value('concord.feed.lag')) === 0);
    await watch.stop();
  });

  it('and whether the connection that wakes readers is there', async () => {
    const stop = node.store.onAppended(() => undefined);
    await until('it is there', async () => (await value('concord.feed.hints_connected')) === 1);
    stop();
  });
});
