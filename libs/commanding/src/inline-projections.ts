// The seam where projections join a command's transaction. The projections lib provides the real one.
import type { RecordedEvent, StreamName } from '@concord/kernel';

/** What takes part in every command's transaction. */
export abstract class InlineProjections {
  /** Whether there is any: without, a command's append travels with its commit. */
  abstract readonly isActive: boolean;

  /** Called before the command appends to these streams, so that a rebuild is waited for without holding up the feed. */
  abstract prepare(streams: readonly StreamName[]): Promise<void>;

  /** Called after the append and before the commit, with what was added, in order. An error rolls everything back. */
  abstract project(events: readonly RecordedEvent[]): Promise<void>;

  /**
   * Called after the commit with what was added. Where the store cannot commit events and rows as one, it waits until
   * the projections show them, up to a bound: the command is committed, whether they do or not.
   */
  abstract follow(events: readonly RecordedEvent[]): Promise<void>;
}
