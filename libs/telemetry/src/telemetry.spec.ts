// The lib by itself: what it does without an SDK, and with OpenTelemetry's own.
import { InvalidArgument } from '@concord/kernel';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { inTrace, startTelemetry, type Telemetry, traceparentOf } from '../../../test/fixtures/telemetry.js';
import {
  contextOf,
  errorTypeOf,
  inSpan,
  isMetering,
  isTracing,
  isWithin,
  linksTo,
  markOf,
  METRICS,
  observe,
  record,
  type SpanDescription,
  spanning,
  timed,
  traceMetadata,
} from './index.js';

const describeNothing = (): SpanDescription => {
  throw new Error('nobody is to ask');
};
const project = (): SpanDescription => ({
  span: 'project',
  target: 'totals',
  attributes: { 'concord.event.count': 1 },
});

async function* numbers(): AsyncGenerator<number> {
  yield* [1, 2, 3];
}

describe('without an SDK', () => {
  it('nothing is described, recorded or carried', async () => {
    expect([isTracing(), isMetering(), traceMetadata()]).toEqual([false, false, undefined]);
    expect(await inSpan(describeNothing, async (span) => [span, 1])).toEqual([undefined, 1]);
    const items = numbers();
    expect(spanning(describeNothing, items)).toBe(items);
    const attributes = (): never => {
      throw new Error('nobody is to ask');
    };
    expect(await timed('concord.command.duration', attributes, async () => 2)).toBe(2);
    record('concord.append.conflicts', 1, {});
  });

  it('work begins at once, and what it throws comes through', async () => {
    let begun = false;
    const failing = inSpan(describeNothing, async () => {
      begun = true;
      throw new InvalidArgument('no');
    });
    expect(begun).toBe(true);
    await expect(failing).rejects.toThrow('no');
  });
});

describe('with an SDK', () => {
  let telemetry: Telemetry;
  beforeEach(() => {
    telemetry = startTelemetry();
  });
  afterEach(() => telemetry.stop());

  it('work runs in its span, which is below the running one', async () => {
    const within = await inTrace(() => inSpan(project, async () => traceMetadata()?.traceparent));
    const [span] = telemetry.named('project totals');
    expect(span!.kind).toBe(SpanKind.INTERNAL);
    expect(span!.spanContext().traceId).toBe(within.traceId);
    expect(within.result).toBe(traceparentOf(span!));
  });

  it('work begins at once', () => {
    let begun = false;
    void inSpan(project, async () => (begun = true));
    expect(begun).toBe(true);
  });

  it('an error is told of by its kind, never by its text', async () => {
    const refused = new InvalidArgument('Jane Doe has 17.00');
    await expect(inSpan(project, () => Promise.reject(refused))).rejects.toBe(refused);
    const [span] = telemetry.spans;
    expect(span).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      attributes: { 'error.type': 'invalid-argument' },
    });
    expect(span!.events).toEqual([]);
    expect(JSON.stringify([span!.status, span!.attributes])).not.toContain('Jane');
    expect([errorTypeOf(new TypeError('x')), errorTypeOf('x')]).toEqual(['TypeError', '_OTHER']);
  });

  it('an error that is an answer does not fail the span', async () => {
    const answer = { ...project(), isAnswer: (error: unknown) => error instanceof InvalidArgument };
    await expect(
      inSpan(
        () => answer,
        () => Promise.reject(new InvalidArgument('no')),
      ),
    ).rejects.toThrow('no');
    expect(telemetry.spans[0]!.status.code).toBe(SpanStatusCode.UNSET);
  });

  it('a span over items ends with the reader, however that ends', async () => {
    expect(await Array.fromAsync(spanning(project, numbers()))).toEqual([1, 2, 3]);
    for await (const n of spanning(project, numbers())) if (n === 2) break;
    const broken = (async function* () {
      yield 1;
      throw new InvalidArgument('torn');
    })();
    await expect(Array.fromAsync(spanning(project, broken))).rejects.toThrow('torn');
    expect(telemetry.spans.map(({ attributes }) => attributes['concord.event.count'])).toEqual([3, 2, 1]);
    expect(telemetry.spans.map(({ attributes }) => attributes['error.type'])).toEqual([
      undefined,
      undefined,
      'invalid-argument',
    ]);
  });

  it('a mark holds within its span, and nowhere else', async () => {
    const mark = markOf('spec');
    const seen = await inSpan(
      () => ({ ...project(), mark }),
      async () => [isWithin(mark), isWithin(markOf('other'))],
    );
    expect([...seen, isWithin(mark)]).toEqual([true, false, false]);
  });

  it('is noticed when it registers late, and when another one does', async () => {
    await telemetry.stop();
    expect([isTracing(), isMetering()]).toEqual([false, false]);
    let asked = 0;
    const stop = observe('concord.feed.lag', (result) => {
      asked += 1;
      result.observe(7);
    });
    telemetry = startTelemetry();
    expect([isTracing(), isMetering()]).toEqual([true, true]);
    expect(await telemetry.points('concord.feed.lag')).toMatchObject([{ value: 7 }]);
    stop();
    await telemetry.collect();
    expect(asked).toBe(1);
  });

  it('metrics have their units, and a gauge that fails keeps no other from being read', async () => {
    const stops = [
      observe('concord.feed.lag', () => Promise.reject(new Error('the database is away'))),
      observe('concord.feed.hidden_time', (result) => result.observe(1.5)),
    ];
    await timed(
      'concord.command.duration',
      () => ({ 'concord.command.type': 'A' }),
      async () => undefined,
    );
    const failing = timed(
      'concord.command.duration',
      () => ({}),
      () => Promise.reject(new InvalidArgument('no')),
    );
    await expect(failing).rejects.toThrow('no');
    const collected = await telemetry.collect();
    stops.forEach((stop) => stop());
    const units = collected.map(({ descriptor: { name, unit } }) => [name, unit]);
    expect(units).toContainEqual(['concord.feed.hidden_time', 's']);
    for (const [name, unit] of units) expect(unit).toBe(METRICS[name as keyof typeof METRICS].unit);
    const durations = await telemetry.points('concord.command.duration');
    expect(durations.map(({ attributes }) => attributes)).toEqual([
      { 'concord.command.type': 'A' },
      { 'error.type': 'invalid-argument' },
    ]);
    // In seconds: nothing here takes one.
    for (const { value } of durations) expect(value.sum).toBeLessThan(1);
  });
});

describe('the trace context of an event', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

  it('is read as it was written, with its state', () => {
    const context = trace.getSpanContext(contextOf({ traceparent, tracestate: 'a=1,b=2' }))!;
    expect(context).toMatchObject({
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      traceFlags: 1,
      isRemote: true,
    });
    expect(context.traceState!.serialize()).toBe('a=1,b=2');
  });

  it.each([
    undefined,
    17,
    '',
    'hello',
    traceparent.replace('00-', 'ff-'),
    traceparent.toUpperCase(),
    `${traceparent}0`,
    '00-00000000000000000000000000000000-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01',
  ])('%p is none', (given) => {
    expect(trace.getSpanContext(contextOf({ traceparent: given }))).toBeUndefined();
    expect(linksTo([{ traceparent: given }])).toEqual([]);
  });

  it('links name each place once, and no more than an SDK keeps', () => {
    expect(linksTo([{ traceparent }, {}, { traceparent }])).toHaveLength(1);
    const many = Array.from({ length: 300 }, (_, n) => ({
      traceparent: traceparent.replace('b7ad6b7169203331', (n + 1).toString(16).padStart(16, '0')),
    }));
    expect(linksTo(many)).toHaveLength(128);
  });
});
