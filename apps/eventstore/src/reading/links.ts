// Links: an event of type `$>` stands for the event that its data name, as `position@stream`.
import type { StoredEvent, StoredEvents } from '@concord/event-store';
import { LINK, LINK_PLACE } from '../streams/payloads.js';
import type { Entry } from './source.js';

interface Place {
  readonly stream: string;
  readonly position: bigint;
}

/** Puts the events in that links point to, by one query a page; a link to nothing stays alone. */
export async function resolveLinks(stored: StoredEvents, entries: readonly Entry[]): Promise<readonly Entry[]> {
  const places = entries.map(placeOf);
  const wanted = places.filter((place) => place !== undefined);
  if (wanted.length === 0) return entries;
  const found = new Map(
    (await stored.at(wanted)).map((event) => [`${event.stream_position}@${event.stream_name}`, event]),
  );
  return entries.map((entry, index) => {
    const place = places[index];
    if (!place || !entry.event) return entry;
    return { event: found.get(`${place.position}@${place.stream}`), link: entry.event };
  });
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
