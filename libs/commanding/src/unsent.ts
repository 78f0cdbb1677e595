// What a mailbox has decided and not sent on yet. While the store stalls, a hot stream would gather without end: only so much
// goes in one append, and only so much may wait.
import { type AppendRequest, type AppendResult, StoreUnavailable } from '@concord/event-store';
import type { StreamPosition } from '@concord/kernel';

export interface Decided {
  readonly request: AppendRequest;
  /** What it was decided on. */
  readonly revision: StreamPosition;
  /** In characters of JSON. */
  readonly size: number;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Of one append; a command that decides more goes alone. */
const MOST_EVENTS = 1_000;
const MOST_CHARACTERS = 4_000_000;

/** Ten full appends: more than a stream that is well ever has waiting. */
const MOST_COMMANDS_WAITING = 10_000;
const MOST_CHARACTERS_WAITING = 40_000_000;

export class Unsent {
  private decided: Decided[] = [];
  private characters = 0;

  add(decided: Decided): void {
    this.decided.push(decided);
    this.characters += decided.size;
  }

  /** The first ones, as many as go together; none when there is nothing. */
  take(): readonly Decided[] {
    let events = 0;
    let characters = 0;
    const full = this.decided.findIndex(({ request, size }, index) => {
      events += request.events.length;
      characters += size;
      return index > 0 && (events > MOST_EVENTS || characters > MOST_CHARACTERS);
    });
    return full < 0 ? this.takeAll() : this.takeFirst(full);
  }

  takeAll(): readonly Decided[] {
    const all = this.decided;
    this.decided = [];
    this.characters = 0;
    return all;
  }

  /** Errors: StoreUnavailable when one more would be too much, beside so many that wait for their turn. */
  assertRoom(waiting: number): void {
    const commands = this.decided.length + waiting;
    if (commands < MOST_COMMANDS_WAITING && this.characters < MOST_CHARACTERS_WAITING) return;
    throw new StoreUnavailable(
      `${commands} commands are waiting on this stream: nothing was changed, send this one again later`,
    );
  }

  private takeFirst(count: number): readonly Decided[] {
    const first = this.decided.splice(0, count);
    for (const { size } of first) this.characters -= size;
    return first;
  }
}
