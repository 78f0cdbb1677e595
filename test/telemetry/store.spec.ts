// What every store tells of itself, and the trace context in its events: the same for all adapters.
import type { EventStore } from '@concord/event-store';
import { type EventMetadata, newId, type StreamName, WrongExpectedVersion } from '@concord/kernel';
import { contextOf, within } from '@concord/telemetry';
import { runInTenant, TenantMissing } from '@concord/tenancy';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { until } from '../fixtures/group-member.js';
import { inTrace, startTelemetry, type Telemetry, traceparentOf } from '../fixtures/telemetry.js';
import { fresh, inTenant, type Opened, stores, to } from './stores.js';

describe.each(Object.entries(stores))('the event store: %s', (system, open) => {
  let opened: Opened;
  let store: EventStore;
  let telemetry: Telemetry | undefined;
  beforeAll(async () => {
    opened = await open();
    store = opened.store;
  });
  afterAll(() => opened.close());
  afterEach(async () => {
    await telemetry?.stop();
    telemetry = undefined;
  });
  const start = (): Telemetry => (telemetry = startTelemetry());
  const own = (name: string) => telemetry!.named(name).filter((span) => span.attributes['db.system.name'] === system);
  const metadataIn = async (stream: StreamName): Promise<EventMetadata[]> =>
    (await Array.fromAsync(store.readStream(stream))).map(({ metadata }) => metadata);

  it(
    'puts the context of its append span into the events, and reads it back',
    inTenant(async () => {
      start();
      const stream = fresh();
      const { traceId, result } = await inTrace(() => store.append(to(stream)));
      const [span] = own('append account');
      expect(span!.kind).toBe(SpanKind.CLIENT);
      expect(span!.spanContext().traceId).toBe(traceId);
      expect(span!.attributes).toEqual({
        'db.system.name': system,
        'db.operation.name': 'append',
        'concord.tenant.id': 't1',
        'concord.stream.category': 'account',
        'concord.stream.count': 1,
        'concord.event.count': 1,
      });
      const traceparent = traceparentOf(span!);
      expect((await metadataIn(stream)).map((metadata) => metadata['traceparent'])).toEqual([traceparent]);
      expect(result[0]!.events.map(({ metadata }) => metadata['traceparent'])).toEqual([traceparent]);
      const page = await store.readFeed();
      expect(page.events.find((event) => event.stream === stream)?.metadata['traceparent']).toBe(traceparent);
    }),
  );

  it(
    'adds nothing to events where nobody traces',
    inTenant(async () => {
      const stream = fresh();
      await store.append(to(stream, { mine: 1 }));
      const [metadata] = await metadataIn(stream);
      expect(Object.keys(metadata!).sort()).toEqual(['mine', 'recordedAt', 'tenantId']);
    }),
  );

  it(
    'leaves a trace context that the caller has written',
    inTenant(async () => {
      start();
      const [stream, given] = [fresh(), '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'];
      const caller = contextOf({ traceparent: given.replace('b7', 'c7'), tracestate: 'vendor=1' });
      await within(caller, () => store.append(to(stream, { traceparent: given })));
      await within(caller, () => store.append(to(stream)));
      const [left, stamped] = await metadataIn(stream);
      expect([left!['traceparent'], left!['tracestate']]).toEqual([given, undefined]);
      expect(stamped!['tracestate']).toBe('vendor=1');
    }),
  );

  it(
    'recognises a repeat in another trace, and one without a trace',
    inTenant(async () => {
      start();
      const [stream, id] = [fresh(), newId()];
      const first = await inTrace(() => store.append(to(stream, undefined, id)));
      const second = await inTrace(() => store.append(to(stream, undefined, id)));
      await telemetry!.stop();
      const third = await store.append(to(stream, undefined, id));
      const { globalPosition } = first.result[0]!;
      for (const [again] of [second.result, third]) expect(again).toMatchObject({ revision: 0n, globalPosition });
      const [metadata, ...others] = await metadataIn(stream);
      expect(others).toEqual([]);
      expect(String(metadata!['traceparent'])).toContain(first.traceId);
      telemetry = undefined;
    }),
  );

  it(
    'recognises in a trace what was appended without one',
    inTenant(async () => {
      const [stream, id] = [fresh(), newId()];
      await store.append(to(stream, undefined, id));
      start();
      const { result } = await inTrace(() => store.append(to(stream, undefined, id)));
      expect(result[0]!.revision).toBe(0n);
      expect((await metadataIn(stream)).map((metadata) => 'traceparent' in metadata)).toEqual([false]);
    }),
  );

  it(
    'tells of an append that a listener makes by itself',
    inTenant(async () => {
      start();
      const [stream, other] = [fresh(), fresh()];
      let follows: Promise<unknown> | undefined;
      const stop = store.onAppended((source) => {
        if (source === 'here') follows ??= runInTenant('t1', () => store.append(to(other)));
      });
      await inTrace(() => store.append(to(stream)));
      await until('it has heard', () => follows !== undefined);
      await follows;
      stop();
      const traceparents = own('append account').map(traceparentOf);
      expect((await metadataIn(other)).map((metadata) => metadata['traceparent'])).toEqual([traceparents[1]]);
      expect(own('append account')[1]!.parentSpanContext).toBeUndefined();
    }),
  );

  it(
    'appends that overlap carry each its own trace',
    inTenant(async () => {
      start();
      const streams = Array.from({ length: 20 }, fresh);
      const traces = await Promise.all(streams.map((stream) => inTrace(() => store.append(to(stream)))));
      for (const [index, stream] of streams.entries()) {
        const [metadata] = await metadataIn(stream);
        expect(String(metadata!['traceparent'])).toContain(traces[index]!.traceId);
      }
    }),
  );

  it(
    'tells of a conflict by its code, and counts it',
    inTenant(async () => {
      start();
      const stream = fresh();
      await store.append(to(stream));
      const conflict = store.append({ ...to(stream), expected: 'no-stream' });
      await expect(conflict).rejects.toBeInstanceOf(WrongExpectedVersion);
      const failed = own('append account').find(({ status }) => status.code === SpanStatusCode.ERROR);
      expect(failed!.attributes['error.type']).toBe('wrong-expected-version');
      const attributes = { 'db.system.name': system };
      expect(await telemetry!.points('concord.append.conflicts')).toContainEqual(
        expect.objectContaining({ value: 1, attributes }),
      );
      const durations = await telemetry!.points('db.client.operation.duration');
      const outcomes = durations.filter((point) => point.attributes['db.system.name'] === system);
      expect(outcomes.map((point) => [point.attributes['error.type'], point.value.count])).toEqual([
        [undefined, 1],
        ['wrong-expected-version', 1],
      ]);
    }),
  );

  it(
    'tells of reads where they are, of the feed only within a trace, and never of what is in them',
    inTenant(async () => {
      start();
      const stream = fresh();
      await store.append(to(stream));
      await store.readFeed({ limit: 1 });
      expect(own('read_feed')).toEqual([]);
      const { traceId } = await inTrace(async () => {
        await metadataIn(stream);
        await store.readFeed({ limit: 1 });
        await store.transaction(() => store.lockAndLoad([stream]));
      });
      for (const name of ['read account', 'read_feed', 'lock_and_load account']) {
        expect(own(name).map((span) => span.spanContext().traceId)).toEqual([traceId]);
      }
      expect(own('read account')[0]!.attributes['concord.event.count']).toBe(1);
      const told = JSON.stringify(
        telemetry!.spans.map(({ attributes, events, status }) => [attributes, events, status]),
      );
      expect(told).not.toContain('Jane');
      expect(told).not.toContain(stream);
    }),
  );

  it('refuses as ever what has no tenant', async () => {
    start();
    await expect(store.append(to(fresh()))).rejects.toBeInstanceOf(TenantMissing);
    expect(own('append account')[0]!.attributes['error.type']).toBe('tenant-missing');
  });
});
