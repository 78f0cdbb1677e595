// Links: an event of type `$>` stands for the event that its data name, as `position@stream`.
import type { StoredEvent, StoredEvents } from '@concord/event-store';
import { LINK, LINK_PLACE } from '../streams/payloads.js';
import type { Entry } from './source.js';

interface Place {
  readonly stream: string;
  readonly position: bigint;
}

/**
 * Puts the events in that links point to, by one query a page. A link to nothing stays alone, one to what its stream shows no
 * more, and one to a stream that may not be read: anybody can write a link.
 */
export async function resolveLinks(
  stored: StoredEvents,
  entries: readonly Entry[],
  mayRead: (stream: string) => Promise<boolean>,
): Promise<readonly Entry[]> {
  return resolveWritten(stored, await withoutHidden(stored, entries), mayRead);
}

/** Links of system streams have the feed's events with them, hidden ones too. */
async function withoutHidden(stored: StoredEvents, entries: readonly Entry[]): Promise<readonly Entry[]> {
  const streams = new Set(entries.flatMap(({ event, link }) => (event && link ? [event.stream_name] : [])));
  if (streams.size === 0) return entries;
  const first = await stored.firstShown([...streams]);
  return entries.map((entry) => {
    const { event, link } = entry;
    const isHidden = event && link && event.stream_position < (first.get(event.stream_name) ?? 0n);
    return isHidden ? { event: undefined, link } : entry;
  });
}

async function resolveWritten(
  stored: StoredEvents,
  entries: readonly Entry[],
  mayRead: (stream: string) => Promise<boolean>,
): Promise<readonly Entry[]> {
  const places = entries.map(placeOf);
  const named = places.filter((place) => place !== undefined);
  if (named.length === 0) return entries;
  const readable = await readableOf(named, mayRead);
  const wanted = named.filter(({ stream }) => readable.has(stream));
  const found = new Map(
    (await stored.at(wanted)).map((event) => [`${event.stream_position}@${event.stream_name}`, event]),
  );
  return entries.map((entry, index) => {
    const place = places[index];
    if (!place || !entry.event) return entry;
    return { event: found.get(`${place.position}@${place.stream}`), link: entry.event };
  });
}

async function readableOf(
  places: readonly Place[],
  mayRead: (stream: string) => Promise<boolean>,
): Promise<ReadonlySet<string>> {
  const readable = new Set<string>();
  // One after the other: a page of many links is not to take all connections.
  for (const stream of new Set(places.map((place) => place.stream))) if (await mayRead(stream)) readable.add(stream);
  return readable;
}

function placeOf({ event, link }: Entry): Place | undefined {
  if (!event || link || event.event_type !== LINK) return undefined;
  const [, position, stream] = LINK_PLACE.exec(textOf(event)) ?? [];
  return position !== undefined && stream !== undefined ? { stream, position: BigInt(position) } : undefined;
}

/** A JSON string, whoever wrote the link. */
function textOf({ data }: StoredEvent): string {
  const value: unknown = data.startsWith('"') ? JSON.parse(data) : '';
  return typeof value === 'string' ? value : '';
}
