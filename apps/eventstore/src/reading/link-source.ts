// A system stream: links to some of the feed's events, each at the global position of its event. Clients know gaps from
// truncated streams.
import { derivedId } from '@concord/kernel';
import type { StoredEvent, StoredEventFilter, StoredEvents } from '@concord/event-store';
import { FeedSource } from './feed-source.js';
import { LINK } from '../streams/payloads.js';
import type { Page, Source } from './source.js';

export class LinkSource implements Source {
  readonly sparse: boolean;
  private readonly feed: FeedSource;

  constructor(
    stored: StoredEvents,
    private readonly name: string,
    filter: StoredEventFilter,
  ) {
    this.feed = new FeedSource(stored, filter);
    this.sparse = this.feed.sparse;
  }

  end(): Promise<bigint> {
    return this.feed.end();
  }

  async exists(): Promise<boolean> {
    for (let from = 0n; ;) {
      const page = await this.page(from, 1, false);
      if (page.entries.length > 0 || page.end) return page.entries.length > 0;
      from = page.next;
    }
  }

  async page(from: bigint, limit: number, backwards: boolean): Promise<Page> {
    const page = await this.feed.page(from, limit, backwards);
    const entries = page.entries.flatMap(({ event }) => (event ? [{ event, link: this.linkTo(event) }] : []));
    return { ...page, entries };
  }

  private linkTo(event: StoredEvent): StoredEvent {
    return {
      ...event,
      event_id: derivedId(this.name, event.event_id),
      event_type: LINK,
      stream_name: this.name,
      stream_position: event.global_position,
      data: JSON.stringify(`${event.stream_position}@${event.stream_name}`),
      metadata: BYTES,
    };
  }
}

// As payloads.ts keeps links.
const BYTES = JSON.stringify({ $concord: { text: true, contentType: 'application/octet-stream' } });
