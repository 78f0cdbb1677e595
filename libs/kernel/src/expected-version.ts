// What a writer believes about a stream when it appends, and the refusals when that is not so.
import { ConcordError } from './errors.js';
import type { StreamPosition } from './position.js';
import type { StreamName } from './stream-name.js';

/**
 * `bigint`: the stream position of its last event. `no-stream`: it has no event. `stream-exists`: it has one.
 * `any`: no check. All four are enforced by the store under concurrency.
 */
export type ExpectedVersion = StreamPosition | 'no-stream' | 'stream-exists' | 'any';

/** The stream is not where the writer expected it; nothing was appended. */
export class WrongExpectedVersion extends ConcordError {
  readonly code = 'wrong-expected-version';

  /** @param actual the stream position of the last event, -1n when there is none */
  constructor(
    readonly stream: StreamName,
    readonly expected: ExpectedVersion,
    readonly actual: StreamPosition,
  ) {
    super(`stream "${stream}" was expected to be at ${expected} but is at ${actual}: load it again and decide anew`, {
      stream,
      expected: expected.toString(),
      actual: actual.toString(),
    });
  }
}

/** The stream has a tombstone: it is never read or written again. Nothing was changed. */
export class StreamDeleted extends ConcordError {
  readonly code = 'stream-deleted';

  constructor(readonly stream: StreamName) {
    super(`stream "${stream}" was deleted for good: use another name`, { stream });
  }
}

/** An event id of the append belongs to another event already; nothing was appended. */
export class EventIdInUse extends ConcordError {
  readonly code = 'event-id-in-use';

  constructor(options?: ErrorOptions) {
    super(
      'an event id of this append is already in use for another event: give every event an id of its own',
      {},
      options,
    );
  }
}
