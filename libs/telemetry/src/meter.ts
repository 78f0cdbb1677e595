// Records metrics. The API has no stand-in for meters as it has for tracers: what is created before an SDK has registered stays
// dumb for ever. So instruments are created when they are first needed, and again when there is another SDK.
import {
  type Attributes,
  createNoopMeter,
  type Counter,
  type Histogram,
  type Meter,
  type MeterProvider,
  metrics,
  type ObservableResult,
} from '@opentelemetry/api';
import { errorTypeOf } from './error-type.js';
import { type MetricDefinition, type MetricName, type MetricOf, METRICS } from './metrics.js';

/** Called when the SDK collects; what it throws is left out. */
export type Observe = (result: ObservableResult) => void | Promise<void>;

const SCOPE = 'concord';
const observers = new Map<MetricName, Set<Observe>>();

let known: MeterProvider | undefined;
/** Undefined: no SDK is registered. */
let instruments: Map<MetricName, (value: number, attributes: Attributes) => void> | undefined;

/** Whether an SDK for metrics is registered. */
export function isMetering(): boolean {
  return current() !== undefined;
}

/** Adds to a histogram or a counter. Ask isMetering() before you build attributes. */
export function record(name: MetricOf<'histogram' | 'counter'>, value: number, attributes: Attributes): void {
  current()?.get(name)?.(value, attributes);
}

/** Reads a gauge whenever the SDK collects; returns the way to stop. */
export function observe(name: MetricOf<'gauge'>, read: Observe): () => void {
  const reading = observers.get(name) ?? new Set();
  observers.set(name, reading.add(read));
  current();
  return () => reading.delete(read);
}

/** Records in seconds how long `work` takes, with the kind of its error. `attributes` is called only with an SDK. */
export function timed<T>(
  name: MetricOf<'histogram'>,
  attributes: (result: T | undefined) => Attributes,
  work: () => Promise<T>,
): Promise<T> {
  return isMetering() ? measured(name, attributes, work) : work();
}

async function measured<T>(
  name: MetricOf<'histogram'>,
  attributes: (result: T | undefined) => Attributes,
  work: () => Promise<T>,
): Promise<T> {
  const began = performance.now();
  const tell = (result: T | undefined, failure?: Attributes): void =>
    record(name, (performance.now() - began) / 1000, { ...attributes(result), ...failure });
  try {
    const result = await work();
    tell(result);
    return result;
  } catch (error) {
    tell(undefined, { 'error.type': errorTypeOf(error) });
    throw error;
  }
}

function current(): typeof instruments {
  const provider = metrics.getMeterProvider();
  if (provider === known) return instruments;
  known = provider;
  const meter = provider.getMeter(SCOPE);
  instruments = meter === createNoopMeter() ? undefined : created(meter);
  return instruments;
}

function created(meter: Meter): NonNullable<typeof instruments> {
  const all = Object.entries(METRICS) as [MetricName, MetricDefinition][];
  return new Map(
    all.flatMap(([name, definition]) => {
      const write = create(meter, name, definition);
      return write ? [[name, write]] : [];
    }),
  );
}

function create(
  meter: Meter,
  name: MetricName,
  { kind, unit, what: description, boundaries = [] }: MetricDefinition,
): ((value: number, attributes: Attributes) => void) | undefined {
  if (kind === 'gauge') {
    meter.createObservableGauge(name, { unit, description }).addCallback((result) => read(name, result));
    return undefined;
  }
  if (kind === 'counter') {
    const counter: Counter = meter.createCounter(name, { unit, description });
    return (value, attributes) => counter.add(value, attributes);
  }
  const advice = { explicitBucketBoundaries: [...boundaries] };
  const histogram: Histogram = meter.createHistogram(name, { unit, description, advice });
  return (value, attributes) => histogram.record(value, attributes);
}

/** One that fails keeps no other from being read. */
async function read(name: MetricName, result: ObservableResult): Promise<void> {
  await Promise.allSettled([...(observers.get(name) ?? [])].map(async (one) => one(result)));
}
