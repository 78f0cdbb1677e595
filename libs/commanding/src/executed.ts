// What the two ways to run a command are given, and what they answer.
import type { AppendResult } from '@concord/event-store';

/** The id of the command and the fingerprint of what the caller sent. */
export interface Sent {
  readonly id: string;
  readonly fingerprint: string | undefined;
}

/** What the handler returned, and its append, which may still be under way. */
export interface Executed<Value> {
  readonly value: Value;
  readonly appended: Promise<AppendResult[]>;
}
