// What the two ways to run a command answer.
import type { AppendResult } from '@concord/event-store';

/** What the handler returned, and its append, which may still be under way. */
export interface Executed<Value> {
  readonly value: Value;
  readonly appended: Promise<AppendResult[]>;
}
