// What can be wrong with rows: where they are asked for, what is written, and where a page begins.
import { ConcordError } from '@concord/kernel';

/** Rows were asked for where nobody has said in which database they are. */
export class RowScopeMissing extends ConcordError {
  readonly code = 'row-scope-missing';

  constructor(rowClass: string) {
    super(`${rowClass} has no database here: run within ReadModels.read(), which entries set`);
  }
}

/** A read model was written by something that is not a projector. */
export class ReadModelIsReadOnly extends ConcordError {
  readonly code = 'read-model-is-read-only';

  constructor(rowClass: string) {
    super(
      `${rowClass} is written by its projector only: append an event, or declare the class \`static owned = true\``,
    );
  }
}

/** Rows of a view were to be written, by whomever. */
export class ViewIsReadOnly extends ConcordError {
  readonly code = 'view-is-read-only';

  constructor(rowClass: string) {
    super(`${rowClass} is a view: write the rows of the tables that it shows`);
  }
}

/** A row with an optimistic lock was changed, or removed, since it was read; nothing was changed. Read it again. */
export class RowIsStale extends ConcordError {
  readonly code = 'row-is-stale';

  constructor(rowClass: string, rows: number) {
    super(`${rowClass}: ${rows} rows were changed or removed since they were read: read them again and decide anew`);
  }
}

/** A row that was to be read again is not there any more. */
export class RowIsGone extends ConcordError {
  readonly code = 'row-is-gone';

  constructor(rowClass: string) {
    super(`${rowClass}: the row is not there any more: whoever needs it finds out what became of it`);
  }
}

/** A column that breaks a rule of its class. */
export interface BrokenRule {
  readonly column: string;
  readonly rule: string;
  readonly message: string;
}

/** A row breaks rules that its class declares; nothing was written. */
export class RowInvalid extends ConcordError {
  readonly code = 'row-invalid';

  constructor(
    rowClass: string,
    readonly broken: readonly BrokenRule[],
  ) {
    const texts = broken.map(({ rule, message }) => `${message} (${rule})`);
    super(`${rowClass}: ${texts.join('; ')}: nothing was written, correct it and write it again`, { broken });
  }
}

/** `malformed`: no cursor at all. `forged`: altered, or of another tenant or database. */
export type CursorRefusal = 'malformed' | 'forged' | 'another-ordering';

const REFUSED: Readonly<Record<CursorRefusal, string>> = {
  malformed: 'this is no cursor',
  forged: 'this cursor was altered, or is of another tenant or database',
  'another-ordering': 'this cursor belongs to another list, or to another order of it',
};

/** A page was asked for from a cursor that does not fit. Begin without one, or pass one on as it came. */
export class CursorInvalid extends ConcordError {
  readonly code = 'cursor-invalid';

  constructor(readonly reason: CursorRefusal) {
    super(`${REFUSED[reason]}: pass on the one of the page before as it came, or begin without one`, { reason });
  }
}
