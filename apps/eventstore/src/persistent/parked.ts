// Events that are set aside: links in a stream of their own, with the reason in their metadata. What was replayed is truncated
// away once it is done with, not before: a crash in between keeps it.
import type { EventStore, StoredEvents } from '@concord/event-store';
import { newId, type NewEvent, type StreamName } from '@concord/kernel';
import { resolveLinks } from '../reading/links.js';
import { type Entry, MAX_PLACE } from '../reading/source.js';
import { LINK, toPayload, toStored } from '../streams/payloads.js';
import { type Address, parkedStreamOf } from './definition.js';
import type { Message } from './message.js';

/** Runs work in a transaction that the next owner of the subscriptions waits for, or that is refused. */
export type Fenced = <T>(work: () => Promise<T>) => Promise<T>;

export interface ParkedParts {
  readonly store: EventStore;
  readonly stored: StoredEvents;
  readonly fenced: Fenced;
}

export class ParkedEvents {
  private readonly stream: StreamName;

  constructor(
    private readonly parts: ParkedParts,
    address: Address,
  ) {
    this.stream = parkedStreamOf(address) as StreamName;
  }

  /** Made once, so that a repeat after a lost answer is harmless. */
  linkOf({ entry, place }: Message, reason: string): NewEvent {
    const metadata = { added: new Date().toISOString(), reason, subscriptionEventNumber: Number(place) };
    const link = {
      contentType: 'application/octet-stream',
      data: Buffer.from(targetOf(entry)),
      customMetadata: Buffer.from(JSON.stringify(metadata)),
    };
    return { id: newId(), type: LINK, ...toStored(LINK, link) };
  }

  async append(links: readonly NewEvent[]): Promise<void> {
    const { store, fenced } = this.parts;
    await fenced(() => store.append({ stream: this.stream, expected: 'any', events: links }));
  }

  /** Links from a position on, with their events where these are there still. */
  async page(from: bigint, limit: number): Promise<readonly Entry[]> {
    const links = await this.parts.stored.stream(this.stream, false, from, limit);
    const entries = links.map((event) => ({ event }));
    // Written by the server, of what it had handed out.
    return resolveLinks(this.parts.stored, entries, () => Promise.resolve(true));
  }

  /** The first position that is kept and the one after the last. */
  async range(): Promise<{ first: bigint; end: bigint }> {
    const { stored } = this.parts;
    const [last] = await stored.stream(this.stream, true, MAX_PLACE, 1);
    if (!last) return { first: 0n, end: 0n };
    const [first] = await stored.stream(this.stream, false, 0n, 1);
    const end = last.stream_position + 1n;
    return { first: first?.stream_position ?? end, end };
  }

  async truncate(before: bigint): Promise<void> {
    const { store, fenced } = this.parts;
    await fenced(async () => {
      const { metadata } = await store.readStreamMetadata(this.stream);
      await store.writeStreamMetadata(this.stream, { ...metadata, truncateBefore: before });
    });
  }

  /** With the subscription. In the transaction that is running. */
  async delete(): Promise<void> {
    const { first, end } = await this.range();
    if (end > first) await this.parts.store.deleteStream(this.stream, 'any');
  }
}

/** The event itself, also for one that was come to by a link; the link's own words where its event is gone. */
function targetOf({ event, link }: Entry): string | Uint8Array {
  if (event) return `${event.stream_position}@${event.stream_name}`;
  return link ? toPayload(link).data : '';
}
