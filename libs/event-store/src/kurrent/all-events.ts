// Everything there is, in its order, read once for all readers of this process: consumers of all tenants and categories
// want the same part of it at about the same time. What is there does not change, so it is kept for a while; whether there
// is more is asked of the server each time.
import type { GlobalPosition } from '@concord/kernel';
import type { Connection } from './connection.js';
import type { ReadEvent } from './wire-events.js';

/** What follows a position; `isLast`: when it was asked for, there was nothing behind it. */
export interface NextEvents {
  readonly events: readonly ReadEvent[];
  readonly isLast: boolean;
}

interface Page {
  readonly after: GlobalPosition;
  readonly events: ReadEvent[];
}

const PAGE = 1_000;
// Together the bound on how many events are held in memory.
const PAGES = 8;

export class AllEvents {
  /** The one that was of use last comes first. */
  private pages: Page[] = [];
  private readonly reading = new Map<GlobalPosition, Promise<NextEvents>>();

  constructor(private readonly connection: Connection) {}

  /** At least one event, unless it is the last of it. */
  async after(position: GlobalPosition): Promise<NextEvents> {
    const known = this.known(position);
    if (known) return known;
    // A read that is under way may have passed the end before what the caller knows of was there.
    await this.reading.get(position)?.catch(() => undefined);
    return this.known(position) ?? this.reading.get(position) ?? this.read(position);
  }

  private known(position: GlobalPosition): NextEvents | undefined {
    const page = this.pages.find(({ after, events }) => after <= position && position < endOf(events));
    if (!page) return undefined;
    this.keep(page);
    return { events: page.events.slice(firstAfter(page.events, position)), isLast: false };
  }

  private read(position: GlobalPosition): Promise<NextEvents> {
    const reading = this.fetch(position).finally(() => this.reading.delete(position));
    this.reading.set(position, reading);
    return reading;
  }

  private async fetch(after: GlobalPosition): Promise<NextEvents> {
    // A read includes the position that it starts from.
    const limit = PAGE + 1;
    const found = await this.connection.readAll({ ...(after > 0n && { from: after }), limit });
    const events = found.filter(({ position }) => position > after).slice(0, PAGE);
    this.add(after, events);
    return { events, isLast: found.length < limit };
  }

  private add(after: GlobalPosition, events: readonly ReadEvent[]): void {
    if (events.length === 0) return;
    const before = this.pages.find((page) => endOf(page.events) === after && page.events.length < PAGE);
    before?.events.push(...events);
    this.keep(before ?? { after, events: [...events] });
  }

  private keep(page: Page): void {
    if (this.pages[0] === page) return;
    this.pages = [page, ...this.pages.filter((other) => other !== page)].slice(0, PAGES);
  }
}

function endOf(events: readonly ReadEvent[]): GlobalPosition {
  return events.at(-1)?.position ?? 0n;
}

function firstAfter(events: readonly ReadEvent[], position: GlobalPosition): number {
  let [low, high] = [0, events.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((events[middle] as ReadEvent).position <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}
