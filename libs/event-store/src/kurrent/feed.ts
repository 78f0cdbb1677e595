// The feed of a tenant out of everything: read in pages, and what is not wanted left out here. The client takes no filter
// for reads, and its filtered subscriptions do not say how far they have looked.
import type { GlobalPosition, RecordedEvent } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { FeedPage, ReadFeedOptions } from '../requests.js';
import type { AllEvents, NextEvents } from './all-events.js';
import type { Connection } from './connection.js';
import { ownCopy } from './own-copy.js';

const PAGE = 1_000;
// With something found, a page of the feed takes so many reads at most. With nothing it goes on: a page without events is
// the last one.
const MAX_READS = 20;

/** Where the feed is read from. */
export interface FeedSource {
  readonly connection: Connection;
  readonly all: AllEvents;
}

/** A page of one tenant's feed. */
export async function readFeedPage(
  { connection, all }: FeedSource,
  tenant: TenantId,
  options: ReadFeedOptions,
): Promise<FeedPage> {
  const page = new Page(tenant, options);
  for (let reads = 0; !page.isDone && (reads < MAX_READS || page.events.length === 0); reads += 1) {
    page.add(page.isBackwards ? await readBefore(connection, page.looked, PAGE) : await all.after(page.looked ?? 0n));
  }
  return { events: page.events, through: page.through };
}

class Page {
  readonly events: RecordedEvent[] = [];
  readonly isBackwards: boolean;
  isDone = false;
  /** The position that was looked at last; backwards undefined for the end. */
  looked: GlobalPosition | undefined;
  private isAll = false;
  private readonly limit: number;
  private readonly isWanted: (event: RecordedEvent) => boolean;

  constructor(
    tenant: TenantId,
    private readonly options: ReadFeedOptions,
  ) {
    this.isBackwards = options.direction === 'backwards';
    this.looked = this.isBackwards ? options.before : (options.after ?? 0n);
    this.limit = options.limit ?? PAGE;
    this.isWanted = wantedBy(tenant, options);
  }

  add({ events, isLast }: NextEvents): void {
    for (const { position, recorded } of events) {
      this.isAll ||= this.isBeyond(position);
      this.isDone ||= this.isAll || this.events.length === this.limit;
      if (this.isDone) return;
      this.looked = position;
      if (recorded && this.isWanted(recorded)) this.events.push(ownCopy(recorded));
    }
    this.isAll = isLast || this.isAtEnd;
    this.isDone = this.isAll || this.events.length === this.limit;
  }

  /** Backwards, with nothing left: down to what was not asked for, so that the next page is empty. */
  get through(): GlobalPosition {
    const { after = 0n } = this.options;
    if (this.isBackwards && this.isAll && this.events.length < this.limit) return after + 1n;
    return this.looked ?? after + 1n;
  }

  /** Nothing can be between the position looked at last and the one asked for. */
  private get isAtEnd(): boolean {
    return !this.isBackwards && this.looked !== undefined && this.isBeyond(this.looked + 1n);
  }

  private isBeyond(position: GlobalPosition): boolean {
    const { after = 0n, before } = this.options;
    return this.isBackwards ? position <= after : before !== undefined && position >= before;
  }
}

/** A page of everything that comes before a position, the newest first. */
async function readBefore(
  connection: Connection,
  before: GlobalPosition | undefined,
  limit: number,
): Promise<NextEvents> {
  // Servers differ in whether a read backwards includes the position that it starts from.
  const from = before === undefined ? {} : { from: before };
  const page = await connection.readAll({ ...from, backwards: true, limit: limit + 1 });
  const events = page.filter(({ position }) => before === undefined || position < before).slice(0, limit);
  return { events, isLast: page.length <= limit };
}

function wantedBy(tenant: TenantId, options: ReadFeedOptions): (event: RecordedEvent) => boolean {
  const { categories, types, streamPrefixes } = options;
  const has = (wanted: readonly string[] | undefined, value: string): boolean => wanted?.includes(value) ?? true;
  const begins = (stream: string): boolean => streamPrefixes?.some((prefix) => stream.startsWith(prefix)) ?? true;
  return ({ metadata, type, stream }) =>
    metadata.tenantId === tenant &&
    has(types, type) &&
    has(categories, stream.split('-', 1)[0] ?? '') &&
    begins(stream);
}
