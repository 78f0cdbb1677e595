// How the store tells what it does: spans and metrics, the same for every adapter, and the trace context in what is appended.
import { type NewEvent, type RecordedEvent, type StreamName, WrongExpectedVersion } from '@concord/kernel';
import {
  inSpan,
  isMetering,
  isTracing,
  isWithin,
  isWithinSpan,
  markOf,
  record,
  type SpanDescription,
  spanning,
  SPANS,
  timed,
  traceMetadata,
} from '@concord/telemetry';
import { currentTenant, type TenantId } from '@concord/tenancy';
import type { AppendRequest } from './requests.js';

type Operation = 'append' | 'commit' | 'load' | 'lock and load' | 'read stream' | 'read feed';

const APPENDING = markOf('concord append');

export class StoreTelemetry {
  /** `system` is the value of db.system.name. */
  constructor(private readonly system: string) {}

  /** Runs an append in a span, the context of which goes into the events; within such a span already, as it is. */
  append<T>(
    requests: readonly AppendRequest[],
    append: (requests: readonly AppendRequest[]) => Promise<T>,
  ): Promise<T> {
    if (!isTracing() || isWithin(APPENDING)) return append(requests);
    const describe = (): SpanDescription => ({
      ...this.describe('append', requests, countOf(requests)),
      mark: APPENDING,
    });
    return inSpan(describe, () => append(traced(requests)));
  }

  /** Runs the append at the end of a transaction in a span. */
  commit<T>(stream: StreamName, work: () => Promise<T>): Promise<T> {
    return isTracing() ? inSpan(() => this.describe('commit', [{ stream }]), work) : work();
  }

  /** Runs a load in a span, and measures it. */
  load<T>(span: 'load' | 'lock and load', streams: readonly StreamName[], work: () => Promise<T>): Promise<T> {
    const load = (): Promise<T> => this.timed(SPANS[span].operation, work);
    if (!isTracing()) return load();
    const places = streams.map((stream) => ({ stream }));
    return inSpan(() => this.describe(span, places), load);
  }

  /** Only within a span: who follows the feed reads it too often to be told of each time. */
  readFeed<T>(read: () => Promise<T>): Promise<T> {
    return isTracing() && isWithinSpan() ? inSpan(() => this.describe('read feed', []), read) : read();
  }

  readStream(stream: StreamName, events: AsyncIterable<RecordedEvent>): AsyncIterable<RecordedEvent> {
    return isTracing() ? spanning(() => this.describe('read stream', [{ stream }]), events) : events;
  }

  /** Measures an operation; conflicts are counted. */
  timed<T>(operation: string, work: () => Promise<T>): Promise<T> {
    if (!isMetering()) return work();
    const attributes = { 'db.system.name': this.system, 'db.operation.name': operation };
    const done = timed('db.client.operation.duration', () => attributes, work);
    done.catch((error: unknown) => {
      if (error instanceof WrongExpectedVersion)
        record('concord.append.conflicts', 1, { 'db.system.name': this.system });
    });
    return done;
  }

  private describe(span: Operation, streams: readonly { readonly stream: string }[], events?: number): SpanDescription {
    const categories = new Set(streams.map(({ stream }) => categoryOf(stream)));
    const [category] = categories.size === 1 ? categories : [];
    return {
      span,
      ...(category !== undefined && { target: category }),
      attributes: {
        'db.system.name': this.system,
        'db.operation.name': SPANS[span].operation,
        'concord.tenant.id': currentTenantOrNone(),
        ...(category !== undefined && { 'concord.stream.category': category }),
        ...(SEVERAL.has(span) && { 'concord.stream.count': streams.length }),
        ...(events !== undefined && { 'concord.event.count': events }),
      },
    };
  }
}

const SEVERAL: ReadonlySet<Operation> = new Set(['append', 'load', 'lock and load']);
const CATEGORY = /^([A-Za-z][A-Za-z0-9_]{0,63})-/;
// Clients of the gRPC server name streams as they like; what is in the name of a span is to be one of few.
const MOST_CATEGORIES = 200;
const categories = new Set<string>();

function categoryOf(stream: string): string | undefined {
  const [, category] = CATEGORY.exec(stream) ?? [];
  if (category === undefined || (categories.size >= MOST_CATEGORIES && !categories.has(category))) return undefined;
  categories.add(category);
  return category;
}

/** Without a tenant the work itself is refused, in its own words. */
function currentTenantOrNone(): TenantId | undefined {
  try {
    return currentTenant();
  } catch {
    return undefined;
  }
}

function countOf(requests: readonly AppendRequest[]): number {
  return requests.reduce((sum, { events }) => sum + events.length, 0);
}

/** What the caller wrote stays: events that are handed on keep the trace in which they came to be. */
function traced(requests: readonly AppendRequest[]): readonly AppendRequest[] {
  const trace = traceMetadata();
  if (!trace) return requests;
  const stamp = (event: NewEvent): NewEvent =>
    event.metadata && 'traceparent' in event.metadata ? event : { ...event, metadata: { ...trace, ...event.metadata } };
  return requests.map((request) => ({ ...request, events: request.events.map(stamp) }));
}
