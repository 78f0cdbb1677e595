// Runs work in spans. Without a registered SDK nothing is built for them: no attributes, no names, no context.
import {
  type Attributes,
  type Context,
  context,
  createContextKey,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api';
import { errorTypeOf } from './error-type.js';
import { type SpanId, SPANS } from './spans.js';

/** A span to be: which of SPANS, of what, and where in a trace. */
export interface SpanDescription {
  readonly span: SpanId;
  /** The first word of its name, where it is not that of SPANS. */
  readonly operation?: string;
  /** What it is done to: the second word of its name. Few different ones. */
  readonly target?: string;
  readonly attributes?: Attributes;
  readonly links?: Link[];
  /** In place of the running span. */
  readonly parent?: Context;
  /** For isWithin(). */
  readonly mark?: symbol;
  /** Whether an error is an answer like others: the span has its kind, and has not failed. */
  readonly isAnswer?: (error: unknown) => boolean;
}

const SCOPE = 'concord';
const KINDS = {
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
};

/** What the API's global provider is, before and after an SDK has registered. */
interface Proxy extends TracerProvider {
  getDelegate?(): TracerProvider;
  getDelegateTracer?(name: string): Tracer | undefined;
}

let known: TracerProvider | undefined;
let tracer: Tracer | undefined;

/** That of the registered SDK. Asking for it anew each time would cost more than a span that is not recorded. */
function currentTracer(): Tracer | undefined {
  const proxy: Proxy = trace.getTracerProvider();
  const provider = proxy.getDelegate?.() ?? proxy;
  if (provider === known) return tracer;
  known = provider;
  tracer = proxy.getDelegateTracer ? proxy.getDelegateTracer(SCOPE) : proxy.getTracer(SCOPE);
  return tracer;
}

/** Whether an SDK for traces is registered. */
export function isTracing(): boolean {
  return currentTracer() !== undefined;
}

/**
 * Runs `work`, begun at once, in a span that ends with it. `describe` is called only where an SDK is registered. Errors: those
 * of `work`, of which the span keeps the kind.
 */
export function inSpan<T>(describe: () => SpanDescription, work: (span?: Span) => Promise<T>): Promise<T> {
  const started = start(describe);
  return started ? context.with(started.within, () => ended(started, work)) : work();
}

/** A span that ends when its owner says so. */
export interface OpenSpan {
  /** Runs `work` within it. */
  run<T>(work: () => T): T;
  /** Ends it, as failed when there is an error. */
  end(attributes: Attributes, errorType?: string): void;
}

/** Begins a span, for work that no one function encloses; undefined without an SDK. */
export function beginSpan(describe: () => SpanDescription): OpenSpan | undefined {
  const started = start(describe);
  if (!started) return undefined;
  const { span, within } = started;
  return {
    run: (work) => context.with(within, work),
    end(attributes, errorType) {
      span.setAttributes(attributes);
      if (errorType !== undefined) span.setAttribute('error.type', errorType).setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  };
}

/** Gives `items` within a span, from when the first is asked for to when the reader has enough. */
export function spanning<T>(describe: () => SpanDescription, items: AsyncIterable<T>): AsyncIterable<T> {
  return isTracing() ? spanned(describe, items) : items;
}

async function* spanned<T>(describe: () => SpanDescription, items: AsyncIterable<T>): AsyncGenerator<T, void> {
  const started = start(describe);
  const within = started?.within ?? context.active();
  const iterator = items[Symbol.asyncIterator]();
  let count = 0;
  try {
    for (;;) {
      const next = await context.with(within, () => iterator.next());
      if (next.done) return;
      count += 1;
      yield next.value;
    }
  } catch (error) {
    if (started) fail(started, error);
    throw error;
  } finally {
    await iterator.return?.();
    started?.span.setAttribute('concord.event.count', count).end();
  }
}

/** Whether the running code is part of a trace. */
export function isWithinSpan(): boolean {
  return trace.getSpan(context.active()) !== undefined;
}

/** A key to tell by whether running code is within spans with that mark. */
export function markOf(name: string): symbol {
  return createContextKey(name);
}

/** Whether a span with this mark is around the running code. */
export function isWithin(mark: symbol): boolean {
  return context.active().getValue(mark) === true;
}

/** What came in with these headers, as the SDK's propagators read them. */
export function contextFrom(headers: Readonly<Record<string, unknown>>): Context {
  return propagation.extract(ROOT_CONTEXT, headers);
}

/** Runs `work` in a context from an event's metadata. */
export function within<T>(parent: Context, work: () => T): T {
  return context.with(parent, work);
}

/** Runs what goes on in the background: it is no part of the trace of whoever happened to start it. */
export function withoutTrace<T>(work: () => T): T {
  return context.with(ROOT_CONTEXT, work);
}

interface Started {
  readonly span: Span;
  readonly within: Context;
  readonly isAnswer: ((error: unknown) => boolean) | undefined;
}

function start(describe: () => SpanDescription): Started | undefined {
  const found = currentTracer();
  if (!found) return undefined;
  const {
    span: id,
    target,
    attributes = {},
    links = [],
    parent = context.active(),
    mark,
    isAnswer,
    ...own
  } = describe();
  const { operation, kind } = { ...SPANS[id], ...own };
  const name = target === undefined ? operation : `${operation} ${target}`;
  const span = found.startSpan(name, { kind: KINDS[kind], attributes, links }, parent);
  const within = trace.setSpan(parent, span);
  return { span, within: mark ? within.setValue(mark, true) : within, isAnswer };
}

async function ended<T>(started: Started, work: (span: Span) => Promise<T>): Promise<T> {
  try {
    return await work(started.span);
  } catch (error) {
    fail(started, error);
    throw error;
  } finally {
    started.span.end();
  }
}

/** Without the text of the error, and without its stack: both may tell of people. */
function fail({ span, isAnswer }: Started, error: unknown): void {
  span.setAttribute('error.type', errorTypeOf(error));
  if (!isAnswer?.(error)) span.setStatus({ code: SpanStatusCode.ERROR });
}
