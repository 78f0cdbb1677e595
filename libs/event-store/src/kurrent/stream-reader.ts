// Reads one stream in pages: each is asked for again when it was not answered, so a reader loses and repeats nothing.
import { type RecordedEvent, StreamDeleted, type StreamName, type StreamPosition } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import { NotSupportedByStore } from '../errors.js';
import type { ReadStreamOptions } from '../requests.js';
import type { Sealing } from '../sealing.js';
import type { Connection } from './connection.js';
import { wireName } from './wire-events.js';

const PAGE = 1_000;
const MAX_LOOK_BACK = 100_000;

export class StreamReader {
  constructor(
    private readonly connection: Connection,
    private readonly sealing: Sealing,
  ) {}

  /** The same, opened for who asked. */
  async *readOpened(
    tenant: TenantId,
    stream: StreamName,
    options: ReadStreamOptions = {},
  ): AsyncGenerator<RecordedEvent> {
    for await (const page of this.pages(tenant, stream, options)) yield* await this.sealing.events(tenant, page);
  }

  /** What the server has of a stream, sealed where it is; nothing when there is none. */
  async *read(tenant: TenantId, stream: StreamName, options: ReadStreamOptions = {}): AsyncGenerator<RecordedEvent> {
    for await (const page of this.pages(tenant, stream, options)) yield* page;
  }

  private async *pages(
    tenant: TenantId,
    stream: StreamName,
    options: ReadStreamOptions,
  ): AsyncGenerator<RecordedEvent[]> {
    const backwards = options.direction === 'backwards';
    let { from } = options;
    for (let wanted = options.limit ?? Number.POSITIVE_INFINITY; wanted > 0; wanted -= PAGE) {
      const limit = Math.min(wanted, PAGE);
      const page = await this.page(wireName(tenant, stream), from, backwards, limit);
      yield page;
      const last = page.at(-1)?.streamPosition;
      if (last === undefined || page.length < limit || (backwards && last === 0n)) return;
      from = last + (backwards ? -1n : 1n);
    }
  }

  /** One event; undefined where the stream does not show it. */
  async at(tenant: TenantId, stream: StreamName, position: StreamPosition): Promise<RecordedEvent | undefined> {
    try {
      const [event] = await Array.fromAsync(this.read(tenant, stream, { from: position, limit: 1 }));
      return event?.streamPosition === position ? event : undefined;
    } catch (error) {
      if (error instanceof StreamDeleted) return undefined;
      throw error;
    }
  }

  /** Those of some ids, looked for from the end. Errors: NotSupportedByStore when the stream is too long for that. */
  async find(tenant: TenantId, stream: StreamName, ids: ReadonlySet<string>): Promise<RecordedEvent[]> {
    const found: RecordedEvent[] = [];
    let looked = 0;
    for await (const event of this.read(tenant, stream, { direction: 'backwards' })) {
      if (ids.has(event.id)) found.push(event);
      if (found.length === ids.size) break;
      if ((looked += 1) < MAX_LOOK_BACK || event.streamPosition === 0n) continue;
      throw new NotSupportedByStore(
        `"${stream}" is too long to look for an event: its last ${MAX_LOOK_BACK} are looked at, and no more`,
      );
    }
    return found;
  }

  private async page(
    name: string,
    from: bigint | undefined,
    backwards: boolean,
    limit: number,
  ): Promise<RecordedEvent[]> {
    const stretch = { ...(from !== undefined && { from }), backwards, limit };
    const page = (await this.connection.readStream(name, stretch)) ?? [];
    return page.flatMap(({ recorded }) => recorded ?? []);
  }
}
