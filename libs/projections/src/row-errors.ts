// What can be wrong with a row that is written.
import { ConcordError } from '@concord/kernel';

/** A read model was written by something that is not a projector. */
export class ReadModelIsReadOnly extends ConcordError {
  readonly code = 'read-model-is-read-only';

  constructor(rowClass: string) {
    super(
      `${rowClass} is written by its projector only: append an event, or declare the class \`static owned = true\``,
    );
  }
}

/** A row with an optimistic lock was changed, or removed, since it was read; nothing was changed. Read it again. */
export class RowIsStale extends ConcordError {
  readonly code = 'row-is-stale';

  constructor(rowClass: string, rows: number) {
    super(`${rowClass}: ${rows} rows were changed or removed since they were read: read them again and decide anew`);
  }
}
