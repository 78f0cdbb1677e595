// Streams as they were loaded last. Every event of a stream travels as a message of its own, so who loads it again asks only
// for what has come since, and whether its start is still shown: events do not change, but retention hides the oldest.
import type { RecordedEvent, StreamName } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import { ownCopy } from './own-copy.js';
import type { StreamReader } from './stream-reader.js';

interface Known {
  /** Oldest first. */
  readonly events: readonly RecordedEvent[];
  readonly size: number;
}

// Shorter streams are as quickly read whole.
const LEAST_EVENTS = 8;
// Characters of JSON, of all streams together.
const MAX_SIZE = 16 * 1024 * 1024;
/** For what an event has beside its payload. */
const OVERHEAD = 256;

export class KnownStreams {
  /** The one that was used last comes last. */
  private readonly streams = new Map<string, Known>();
  private size = 0;

  constructor(private readonly reader: StreamReader) {}

  /** What the server shows of a stream now. Errors: StreamDeleted, and those of the connection. */
  async load(tenant: TenantId, stream: StreamName): Promise<RecordedEvent[]> {
    const key = `${tenant}/${stream}`;
    const known = this.streams.get(key);
    try {
      const now = (known && (await this.prolonged(tenant, stream, known))) ?? (await this.whole(tenant, stream));
      this.keep(key, now);
      return now.events.map(ownCopy);
    } catch (error) {
      this.forget(key);
      throw error;
    }
  }

  /** Those of some ids, in a stream that is known; undefined where it is not. */
  async find(tenant: TenantId, stream: StreamName, ids: ReadonlySet<string>): Promise<RecordedEvent[] | undefined> {
    if (!this.streams.has(`${tenant}/${stream}`)) return undefined;
    return (await this.load(tenant, stream)).filter(({ id }) => ids.has(id));
  }

  private async whole(tenant: TenantId, stream: StreamName): Promise<Known> {
    const events = await Array.fromAsync(this.reader.read(tenant, stream));
    return { events, size: sizeOf(events) };
  }

  /** Undefined when what is known is not what the stream shows any more. */
  private async prolonged(tenant: TenantId, stream: StreamName, { events, size }: Known): Promise<Known | undefined> {
    const [first, last] = [events[0] as RecordedEvent, events.at(-1) as RecordedEvent];
    const [[start], [end, ...since]] = await Promise.all([
      Array.fromAsync(this.reader.read(tenant, stream, { limit: 1 })),
      Array.fromAsync(this.reader.read(tenant, stream, { from: last.streamPosition })),
    ]);
    if (start?.id !== first.id || end?.id !== last.id) return undefined;
    return since.length === 0 ? { events, size } : { events: [...events, ...since], size: size + sizeOf(since) };
  }

  private keep(key: string, known: Known): void {
    this.forget(key);
    if (known.events.length < LEAST_EVENTS || known.size > MAX_SIZE) return;
    this.streams.set(key, known);
    this.size += known.size;
    for (const oldest of this.streams.keys()) {
      if (this.size <= MAX_SIZE) return;
      this.forget(oldest);
    }
  }

  private forget(key: string): void {
    this.size -= this.streams.get(key)?.size ?? 0;
    this.streams.delete(key);
  }
}

function sizeOf(events: readonly RecordedEvent[]): number {
  return events.reduce((sum, { data }) => sum + OVERHEAD + JSON.stringify(data).length, 0);
}
