// Pages of the feed, read once for all slices of a member: they all want the same part of it, and each takes its own.
import type { EventStore } from '@concord/event-store';
import type { GlobalPosition, RecordedEvent } from '@concord/kernel';
import { runInTenant, type TenantId } from '@concord/tenancy';
import { sliceOf } from './slices.js';

/** The events after one position and up to another, by slice. */
export interface SlicedPage {
  readonly after: GlobalPosition;
  readonly through: GlobalPosition;
  readonly bySlice: ReadonlyMap<number, readonly RecordedEvent[]>;
}

interface Filter {
  readonly categories?: readonly string[];
  readonly types?: readonly string[];
}

interface KnownPage {
  readonly tenant: TenantId;
  readonly after: GlobalPosition;
  readonly page: Promise<SlicedPage>;
  settled?: SlicedPage;
}

// The bound on how many events are held in memory ahead of the handlers.
const EVENTS = 8192;

export class FeedPages {
  private pages: KnownPage[] = [];
  private personalEpoch = 0;

  constructor(
    private readonly store: EventStore,
    private readonly filter: Filter,
    private readonly slices: number,
    private readonly pageSize: number,
  ) {}

  /** A page that goes on from `after`; it may begin before it. What is settled does not change: an older page will do. */
  read(tenant: TenantId, after: GlobalPosition): Promise<SlicedPage> {
    this.forgetPersonal();
    const known = this.pages.find((one) => one.tenant === tenant && reaches(one, after));
    if (known) return known.page;
    const reading: KnownPage = { tenant, after, page: this.fetch(tenant, after) };
    this.pages = [reading, ...this.pages.slice(0, Math.max(3, EVENTS / this.pageSize - 1))];
    reading.page.then(
      (page) => (reading.settled = page),
      () => (this.pages = this.pages.filter((one) => one !== reading)),
    );
    return reading.page;
  }

  /** What is settled does not change, but somebody may be forgotten. */
  private forgetPersonal(): void {
    const { personalEpoch } = this.store;
    if (this.personalEpoch !== personalEpoch) this.pages = [];
    this.personalEpoch = personalEpoch;
  }

  private async fetch(tenant: TenantId, after: GlobalPosition): Promise<SlicedPage> {
    const page = await runInTenant(tenant, () => this.store.readFeed({ after, limit: this.pageSize, ...this.filter }));
    const bySlice = Map.groupBy(page.events, (event) => sliceOf(tenant, event.stream, this.slices));
    return { after, through: page.through, bySlice };
  }
}

function reaches({ after, settled }: KnownPage, wanted: GlobalPosition): boolean {
  if (!settled) return after === wanted;
  return after <= wanted && wanted < settled.through;
}
