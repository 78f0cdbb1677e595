// Links: events that stand for an event of another stream. A reader may ask to be given that event instead.
import { type EventMetadata, newId, type NewEvent, parsePosition, type RecordedEvent } from '@concord/kernel';
import type { StreamName, StreamPosition } from '@concord/kernel';

/** What a link points at. */
export interface LinkTarget {
  readonly stream: StreamName;
  readonly position: StreamPosition;
}

const LINK_EVENT = '$>';
const TOGETHER = 200;

/** An event to append that stands for another one, which it does not copy. */
export function linkTo(
  { stream, streamPosition }: Pick<RecordedEvent, 'stream' | 'streamPosition'>,
  { id = newId(), metadata = {} }: { readonly id?: string; readonly metadata?: EventMetadata } = {},
): NewEvent {
  return { id, type: LINK_EVENT, data: `${streamPosition}@${stream}`, metadata };
}

export type FindTargets = (targets: readonly LinkTarget[]) => Promise<readonly RecordedEvent[]>;

/** Puts the events that links stand for in their places. A link whose event cannot be seen stays as it is. */
export async function resolveLinks(events: readonly RecordedEvent[], find: FindTargets): Promise<RecordedEvent[]> {
  const targets = events.map(targetOf);
  const wanted = targets.filter((target) => target !== undefined);
  if (wanted.length === 0) return [...events];
  const found = new Map((await find(wanted)).map((event) => [keyOf(event.stream, event.streamPosition), event]));
  return events.map((link, index) => {
    const target = targets[index];
    const event = target && found.get(keyOf(target.stream, target.position));
    return event ? { ...event, link } : link;
  });
}

/** The same for a whole stream, many at a time. */
export async function* resolveAll(
  events: AsyncIterable<RecordedEvent>,
  find: FindTargets,
): AsyncGenerator<RecordedEvent> {
  let together: RecordedEvent[] = [];
  for await (const event of events) {
    together.push(event);
    if (together.length < TOGETHER) continue;
    yield* await resolveLinks(together, find);
    together = [];
  }
  yield* await resolveLinks(together, find);
}

function targetOf({ type, data }: RecordedEvent): LinkTarget | undefined {
  const [, position, stream] =
    (type === LINK_EVENT && typeof data === 'string' && /^(\d{1,18})@(.+)$/.exec(data)) || [];
  return position && stream ? { stream: stream as StreamName, position: parsePosition(position) } : undefined;
}

function keyOf(stream: StreamName, position: StreamPosition): string {
  return `${position}@${stream}`;
}
