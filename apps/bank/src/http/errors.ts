// What a door refuses, or cannot answer, on its own account.
import { ConcordError } from '@concord/kernel';

/** A field that is not as it must be, and what to send instead. */
export interface FieldError {
  readonly field: string;
  readonly message: string;
}

/** The input has a wrong form; nothing was done. */
export class InvalidInput extends ConcordError {
  readonly code = 'invalid-input';

  constructor(errors: readonly FieldError[]) {
    super(errors.map(({ field, message }) => `${field}: ${message}`).join('; '), { errors });
  }
}

/** What was asked for is not there, or was not there at that time. */
export class NotFound extends ConcordError {
  readonly code = 'not-found';
}

/** A read model does not show a position within the time that a reader waits. */
export class ReadModelBehind extends ConcordError {
  readonly code = 'read-model-behind';

  constructor(position: bigint, waitedMs: number) {
    super(
      `the read model does not show position ${position} after ${waitedMs} ms: ask again with it in a moment, or without it ` +
        'for what is there now',
      { position: position.toString() },
    );
  }
}

/** What it needs is not configured here; nothing was done. */
export class NotConfigured extends ConcordError {
  readonly code = 'not-configured';
}

/** The process runs, and cannot do its work at present. */
export class NotReady extends ConcordError {
  readonly code = 'not-ready';
}
