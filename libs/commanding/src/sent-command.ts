import type { StreamName } from '@concord/kernel';

/** A command under way, as it is recognised when it comes again. */
export interface SentCommand {
  readonly id: string;
  readonly fingerprint: string | undefined;
  /** What its handler has loaded: for stores that can look for an event in its stream only. */
  readonly touched: Set<StreamName>;
  /** How often its handler was run so far. */
  attempts: number;
}
