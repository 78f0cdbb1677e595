// F1: spans and metrics by OpenTelemetry's API, and nothing of an SDK: without one, everything here comes down to a look at
// what is registered. Names, units and attributes are declared in spans.ts and metrics.ts; docs/reference/telemetry.md shows
// them.
export { errorTypeOf } from './error-type.js';
export { isMetering, observe, type Observe, record, timed } from './meter.js';
export { type MetricDefinition, type MetricName, METRICS } from './metrics.js';
export { type SpanDefinition, SPANS } from './spans.js';
export { contextOf, linksTo, traceMetadata, type TraceMetadata } from './trace-metadata.js';
export {
  beginSpan,
  contextFrom,
  inSpan,
  isTracing,
  isWithin,
  isWithinSpan,
  markOf,
  type OpenSpan,
  type SpanDescription,
  spanning,
  within,
  withoutTrace,
} from './tracer.js';
