// Events that something was away for, while nothing was away. Once that is chance; when it meets the same event again and
// again it is the event's: it keeps its transaction idle until the server ends it, or needs what is down.
import type { RecordedEvent } from '@concord/kernel';

interface Interrupted {
  readonly times: number;
  readonly error: unknown;
}

// So often in a row nobody is to blame.
const CHANCES = 3;
// What is parked is not heard of again.
const REMEMBERED = 1000;

export class InterruptedEvents {
  private readonly events = new Map<string, Interrupted>();

  /** Their handling was interrupted, and all was well right after that. */
  add(events: readonly RecordedEvent[], error: unknown): void {
    const [first] = events;
    if (!first) return;
    const times = (this.events.get(first.id)?.times ?? 0) + 1;
    this.events.delete(first.id);
    this.events.set(first.id, { times, error });
    const [oldest] = this.events.keys();
    if (this.events.size > REMEMBERED && oldest !== undefined) this.events.delete(oldest);
  }

  /** Asked before the next attempt, when what was saved is known again. Several are blamed at once: to go one by one. */
  blame(events: readonly RecordedEvent[]): { readonly failed: unknown } | undefined {
    const [first] = events;
    const interrupted = first && this.events.get(first.id);
    if (!interrupted) return undefined;
    const { times, error } = interrupted;
    if (events.length === 1 && times < CHANCES) return undefined;
    // From now on each time is an attempt.
    if (events.length === 1) this.events.set(first.id, { times: CHANCES - 1, error });
    return { failed: error };
  }

  /** They are done. */
  forget(events: readonly RecordedEvent[]): void {
    for (const { id } of events) this.events.delete(id);
  }
}
