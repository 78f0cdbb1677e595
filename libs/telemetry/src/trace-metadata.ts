// The trace context in an event's metadata, in W3C's form, whatever the app sends over its wires: what is stored today is read
// in years.
import {
  context,
  type Context,
  createTraceState,
  isSpanContextValid,
  type Link,
  ROOT_CONTEXT,
  type SpanContext,
  trace,
} from '@opentelemetry/api';

/** What is put into the metadata of an event: where it was appended, as in the header `traceparent`. */
export interface TraceMetadata {
  readonly traceparent: string;
  readonly tracestate?: string;
}

// Later versions may have more after the flags.
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/;
const MAX_STATE_LENGTH = 512;
/** What an SDK keeps of links by default. */
const MAX_LINKS = 128;

/** That of the running span; undefined when there is none. */
export function traceMetadata(): TraceMetadata | undefined {
  const span = trace.getSpanContext(context.active());
  if (!span || !isSpanContextValid(span)) return undefined;
  const traceparent = `00-${span.traceId}-${span.spanId}-${span.traceFlags.toString(16).padStart(2, '0')}`;
  const tracestate = span.traceState?.serialize();
  return tracestate && tracestate.length <= MAX_STATE_LENGTH ? { traceparent, tracestate } : { traceparent };
}

/** The context in which an event was appended, to be the parent of what it leads to: without a trace, none. */
export function contextOf(metadata: Readonly<Record<string, unknown>>): Context {
  const origin = originOf(metadata);
  return origin ? trace.setSpanContext(ROOT_CONTEXT, origin) : ROOT_CONTEXT;
}

/** Links to where events were appended, each place once, as many as an SDK keeps. */
export function linksTo(metadata: Iterable<Readonly<Record<string, unknown>>>): Link[] {
  const links = new Map<string, Link>();
  for (const one of metadata) {
    const origin = originOf(one);
    if (origin) links.set(`${origin.traceId}-${origin.spanId}`, { context: origin });
    if (links.size === MAX_LINKS) break;
  }
  return [...links.values()];
}

/** Undefined for metadata without a trace context, or with one that is none: whoever appends may write what they like. */
function originOf({ traceparent, tracestate }: Readonly<Record<string, unknown>>): SpanContext | undefined {
  const [, traceId, spanId, flags] = (typeof traceparent === 'string' && TRACEPARENT.exec(traceparent)) || [];
  if (!traceId || !spanId || !flags) return undefined;
  const origin = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  if (!isSpanContextValid(origin)) return undefined;
  return typeof tracestate === 'string' ? { ...origin, traceState: createTraceState(tracestate) } : origin;
}
