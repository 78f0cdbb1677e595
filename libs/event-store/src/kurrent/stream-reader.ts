// Reads one stream in pages: each is asked for again when it was not answered, so a reader loses and repeats nothing.
import { type RecordedEvent, StreamDeleted, type StreamName, type StreamPosition } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import { NotSupportedByStore } from '../errors.js';
import type { ReadStreamOptions } from '../requests.js';
import type { Sealing } from '../sealing.js';
import type { Connection, Stretch } from './connection.js';
import { wireName } from './wire-events.js';

const PAGE = 1_000;
const MAX_PAGE = 4_000;
const MAX_LOOK_BACK = 100_000;

interface Asked {
  readonly page: Promise<RecordedEvent[]>;
  readonly limit: number;
}

export class StreamReader {
  constructor(
    private readonly connection: Connection,
    private readonly sealing: Sealing,
  ) {}

  /** The same, opened for who asked. */
  readOpened(
    tenant: TenantId,
    stream: StreamName,
    options: ReadStreamOptions = {},
  ): AsyncIterableIterator<RecordedEvent> {
    return new OneByOne(this.openedPages(tenant, this.pages(wireName(tenant, stream), options)));
  }

  private async *openedPages(
    tenant: TenantId,
    pages: AsyncGenerator<RecordedEvent[], void>,
  ): AsyncGenerator<RecordedEvent[], void> {
    for await (const page of pages) yield [...(await this.sealing.events(tenant, page))];
  }

  /** What the server has of a stream, sealed where it is; nothing when there is none. */
  read(tenant: TenantId, stream: StreamName, options: ReadStreamOptions = {}): AsyncIterableIterator<RecordedEvent> {
    return new OneByOne(this.pages(wireName(tenant, stream), options));
  }

  /** The next page is asked for before this one is given out. The first one is smaller: most streams end there. */
  private async *pages(name: string, options: ReadStreamOptions): AsyncGenerator<RecordedEvent[], void> {
    const backwards = options.direction === 'backwards';
    let size = PAGE;
    const ask = (from: bigint | undefined, wanted: number): Asked => {
      const limit = Math.min(wanted, size);
      size = MAX_PAGE;
      const page = this.page(name, { ...(from !== undefined && { from }), backwards, limit });
      // Whoever stops reading does not wait for it.
      page.catch(() => undefined);
      return { page, limit };
    };
    let wanted = options.limit ?? Number.POSITIVE_INFINITY;
    let asked: Asked | undefined = ask(options.from, wanted);
    while (asked) {
      const page: RecordedEvent[] = await asked.page;
      const { limit }: { limit: number } = asked;
      wanted -= limit;
      const last = page.at(-1)?.streamPosition;
      const next: bigint = last === undefined || page.length < limit ? -1n : last + (backwards ? -1n : 1n);
      asked = next < 0n || wanted <= 0 ? undefined : ask(next, wanted);
      yield page;
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

  private async page(name: string, stretch: Stretch): Promise<RecordedEvent[]> {
    const page = (await this.connection.readStream(name, stretch)) ?? [];
    return page.map(({ recorded }) => recorded).filter((recorded) => recorded !== undefined);
  }
}

/** The events of pages. A generator would cost several turns of the event loop for each of them. */
class OneByOne implements AsyncIterableIterator<RecordedEvent> {
  private page: readonly RecordedEvent[] = [];
  private given = 0;

  constructor(private readonly pages: AsyncGenerator<RecordedEvent[], void>) {}

  next(): Promise<IteratorResult<RecordedEvent>> {
    const value = this.page[this.given];
    if (value === undefined) return this.turn();
    this.given += 1;
    return Promise.resolve({ value, done: false });
  }

  async return(): Promise<IteratorResult<RecordedEvent>> {
    this.page = [];
    await this.pages.return(undefined);
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private async turn(): Promise<IteratorResult<RecordedEvent>> {
    const turned = await this.pages.next();
    if (turned.done) return { value: undefined, done: true };
    this.page = turned.value;
    this.given = 0;
    return this.next();
  }
}
