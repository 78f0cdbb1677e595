// One stream: its places are the stream positions.
import type { StoredEvents } from '@concord/event-store';
import { MAX_PLACE, type Page, type Source } from './source.js';

export class StreamSource implements Source {
  readonly sparse = false;

  constructor(
    private readonly stored: StoredEvents,
    private readonly name: string,
  ) {}

  async end(): Promise<bigint> {
    const [last] = await this.stored.stream(this.name, true, MAX_PLACE, 1);
    return (last?.stream_position ?? -1n) + 1n;
  }

  async exists(): Promise<boolean> {
    return (await this.end()) > 0n;
  }

  async page(from: bigint, limit: number, backwards: boolean): Promise<Page> {
    const events = await this.stored.stream(this.name, backwards, from, limit);
    const last = events.at(-1)?.stream_position;
    return {
      entries: events.map((event) => ({ event })),
      next: last === undefined ? from : last + (backwards ? -1n : 1n),
      end: events.length < limit || (backwards && last === 0n),
      lookedAt: events.length,
      through: last,
    };
  }
}
