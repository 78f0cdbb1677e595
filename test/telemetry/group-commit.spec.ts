// What the group commit tells of its calls, which carry the appends of many.
import { traceMetadata } from '@concord/telemetry';
import { until } from '../fixtures/group-member.js';
import { inTrace, startTelemetry, type Telemetry, traceparentOf } from '../fixtures/telemetry.js';
import { fresh, inTenant, type Opened, openPostgres, to } from './stores.js';

describe('the group commit', () => {
  let opened: Opened;
  let telemetry: Telemetry;
  beforeAll(async () => {
    opened = await openPostgres();
  });
  afterAll(() => opened.close());
  beforeEach(() => {
    telemetry = startTelemetry();
  });
  afterEach(() => telemetry.stop());

  it(
    'tells of a call that carries several appends, linked to each, and of how many they are',
    inTenant(async () => {
      const streams = Array.from({ length: 20 }, fresh);
      const traces = await Promise.all(streams.map((stream) => inTrace(() => opened.store.append(to(stream)))));
      const batches = telemetry.named('append_batch concord.events');
      expect(batches.length).toBeGreaterThan(0);
      const linked = batches.flatMap(({ links }) => links.map(({ context }) => context.spanId));
      const appends = telemetry.named('append account').map((span) => span.spanContext().spanId);
      // A call with one append in it is no batch.
      expect(appends).toEqual(expect.arrayContaining(linked));
      expect(new Set(linked).size).toBe(linked.length);
      for (const batch of batches) {
        expect(batch.parentSpanContext).toBeUndefined();
        expect(batch.attributes['db.operation.batch.size']).toBe(batch.links.length);
        expect(traces.map(({ traceId }) => traceId)).not.toContain(batch.spanContext().traceId);
      }
      const [size] = await telemetry.points('concord.append.batch.appends');
      expect(size).toMatchObject({ value: { sum: 20 }, attributes: { 'db.system.name': 'postgresql' } });
      expect(size!.value.count).toBeLessThan(20);
      expect((await telemetry.points('concord.append.batch.events'))[0]!.value.sum).toBe(20);
    }),
  );

  it(
    'sends a lone append in its own trace, though another one has made way for it',
    inTenant(async () => {
      const { database } = opened;
      const { queryOutside } = database!;
      const seen: (string | undefined)[] = [];
      const gates: (() => void)[] = [];
      database!.queryOutside = async (statement, values) => {
        if (!statement.text.includes('append')) return queryOutside.call(database, statement, values) as never;
        seen.push(traceMetadata()?.traceparent);
        await new Promise<void>((resolve) => gates.push(resolve));
        return queryOutside.call(database, statement, values) as never;
      };
      const appending: Promise<unknown>[] = [];
      // Two calls are under way at most: the third append waits, and is sent by whichever ends first.
      for (let n = 1; n <= 3; n += 1) {
        appending.push(inTrace(() => opened.store.append(to(fresh()))));
        if (n < 3) await until('it is sent', () => gates.length === n);
      }
      gates[0]!();
      await until('the third is sent', () => gates.length === 3);
      gates.forEach((open) => open());
      await Promise.all(appending);
      database!.queryOutside = queryOutside;
      const appends = telemetry.named('append account').map(traceparentOf);
      expect(new Set(seen)).toEqual(new Set(appends));
      expect(seen).toHaveLength(3);
    }),
  );

  it(
    'tells of no batch where there is one append',
    inTenant(async () => {
      await opened.store.append(to(fresh()));
      expect(telemetry.spans.map(({ name }) => name)).toEqual(['append account']);
    }),
  );
});
