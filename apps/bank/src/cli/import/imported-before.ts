// Finds the rows that an earlier run has imported, hundreds in one round trip: a second run over a whole file is quick.
// Only a short cut: a row that it does not find is sent, and the command's id still makes sure that it is applied once.
import { commandEventId } from '@concord/commanding';
import type { EventStore } from '@concord/event-store';
import type { RecordedEvent } from '@concord/kernel';
import type { Sending } from './sendings.js';

/** The first event of each row that was imported before, by the id of its command. */
export async function importedBefore(
  store: EventStore,
  sendings: readonly Sending[],
): Promise<Map<string, RecordedEvent>> {
  const commandIds = new Map(sendings.map(({ commandId }) => [commandEventId(commandId, 0), commandId]));
  const streams = new Set(sendings.map(({ becomes }) => becomes.stream));
  const events = await store.findEvents([...commandIds.keys()], [...streams]);
  return new Map(events.map((event) => [commandIds.get(event.id) ?? '', event]));
}
