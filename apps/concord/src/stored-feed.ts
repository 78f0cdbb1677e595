// The feed of several tenants as one, in the order of the store: a page of each at a time, however many events there are.
import type { StoredEventFilter, StoredEvents } from '@concord/event-store';
import { runInTenant } from '@concord/tenancy';
import type { TenantEvent } from './event-line.js';

/** Which part of the feed, both ends included, of whom, and what of it. */
export interface FeedPart {
  readonly tenants: readonly string[];
  readonly from: bigint;
  readonly to: bigint;
  readonly filter: StoredEventFilter;
}

/** Events, and up to where everything has been seen by now. */
export interface FeedBatch {
  readonly events: readonly TenantEvent[];
  readonly through: bigint;
}

/** What is asked for by name. */
export interface Wanted {
  readonly category?: readonly string[];
  readonly type?: readonly string[];
}

const PAGE = 1000;
const LEAST_PAGE = 50;
// Of all tenants together, in memory.
const MOST_AHEAD = 10_000;
// Positions looked at for each event of a page: more where few are found. A part that has no end is sorted as a whole for each of its
// pages, when the server's statistics are old: 200,000 events took 33 s.
const WINDOW = 4n;
const MOST_WINDOW = 2n ** 40n;

/** One category is found by an index; several are looked for in everything. */
export function filterOf({ category = [], type = [] }: Wanted): StoredEventFilter {
  const [onlyCategory, ...moreCategories] = category;
  const [onlyType, ...moreTypes] = type;
  return {
    ...(onlyCategory !== undefined &&
      (moreCategories.length === 0
        ? { category: onlyCategory }
        : { streamPrefixes: category.map((each) => `${each}-`) })),
    ...(onlyType !== undefined &&
      (moreTypes.length === 0 ? { type: onlyType } : { typeRegex: `^(${type.map(escaped).join('|')})$` })),
  };
}

export async function* feedOf(stored: StoredEvents, part: FeedPart): AsyncGenerator<FeedBatch, void> {
  const size = Math.max(LEAST_PAGE, Math.min(PAGE, Math.floor(MOST_AHEAD / Math.max(part.tenants.length, 1))));
  const readers = part.tenants.map((tenant) => new TenantReader(stored, part, tenant, size));
  for (let through = part.from - 1n; through < part.to;) {
    for (const reader of readers) await reader.fill();
    // Every tenant has been read up to here at least.
    through = readers.reduce((least, reader) => (reader.through < least ? reader.through : least), part.to);
    const events = readers.flatMap((reader) => reader.take(through));
    if (readers.length > 1) events.sort((one, other) => (one.global_position < other.global_position ? -1 : 1));
    yield { events, through };
  }
}

class TenantReader {
  through: bigint;
  private ahead: TenantEvent[] = [];
  private window = WINDOW;

  constructor(
    private readonly stored: StoredEvents,
    private readonly part: FeedPart,
    private readonly tenant: string,
    private readonly size: number,
  ) {
    this.through = part.from - 1n;
  }

  /** Reads on, unless there is something left of the page before. */
  async fill(): Promise<void> {
    const { tenant, part, size } = this;
    if (this.ahead.length > 0 || this.through >= part.to) return;
    const end = this.through + BigInt(size) * this.window;
    const range = { from: this.through + 1n, to: end < part.to ? end : part.to, limit: size };
    const page = await runInTenant(tenant, () => this.stored.feed(range, false, part.filter));
    const last = page.lookedAt === size ? page.through : undefined;
    this.ahead = page.events.map((event) => ({ ...event, tenant }));
    this.through = last ?? range.to;
    if (last !== undefined) this.window = this.window / 2n > WINDOW ? this.window / 2n : WINDOW;
    else if (this.window < MOST_WINDOW) this.window *= 2n;
  }

  take(through: bigint): TenantEvent[] {
    const later = this.ahead.findIndex((event) => event.global_position > through);
    return this.ahead.splice(0, later < 0 ? this.ahead.length : later);
  }
}

function escaped(text: string): string {
  return text.replace(/[^A-Za-z0-9_]/g, String.raw`\$&`);
}
