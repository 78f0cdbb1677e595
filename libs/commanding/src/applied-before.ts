// At most once, without a table of its own: the ids of a command's events follow from the command's id, so the events
// themselves are the record that it was applied.
import type { EventStore } from '@concord/event-store';
import type { RecordedEvent } from '@concord/kernel';
import type { CommandOutcome } from './domain-command.js';
import { CommandIdReused } from './command-id-reused.js';
import type { SentCommand } from './sent-command.js';
import { commandEventId, FINGERPRINT } from './unit-of-work.js';

const PAGE = 8;

/**
 * The outcome of a command that was applied before; undefined when it was not. Commands without events leave no trace.
 * Errors: CommandIdReused, when it was another command.
 */
export async function appliedBefore<Value>(
  store: EventStore,
  { id: commandId, fingerprint, touched }: SentCommand,
): Promise<CommandOutcome<Value> | undefined> {
  const found: RecordedEvent[] = [];
  for (let first = 0; found.length === first; first += PAGE) {
    const ids = Array.from({ length: PAGE }, (_, index) => commandEventId(commandId, first + index));
    found.push(...(await store.findEvents(ids, [...touched])));
  }
  if (found.length === 0) return undefined;
  const sent = found[0]?.metadata[FINGERPRINT];
  if (fingerprint !== undefined && sent !== undefined && sent !== fingerprint) throw new CommandIdReused(commandId);
  found.sort((a, b) => Number(a.globalPosition - b.globalPosition));
  const revisions = new Map(found.map((event) => [event.stream, event.streamPosition]));
  return {
    streams: [...revisions].map(([stream, revision]) => ({ stream, revision })),
    position: found.at(-1)?.globalPosition,
    value: undefined,
    repeated: true,
  };
}
