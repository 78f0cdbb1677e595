// What can be wrong with personal fields, apart from having been forgotten, which is no error for who reads.
import { ConcordError } from '@concord/kernel';

/** The data subject was forgotten: nothing is stored about them any more, unless they are readmitted. */
export class SubjectForgotten extends ConcordError {
  readonly code = 'subject-forgotten';
}

/** What is sealed was changed, moved to another event, or sealed elsewhere: bring the event back from a backup. */
export class PersonalDataDamaged extends ConcordError {
  readonly code = 'personal-data-damaged';
}

/** A key of a data subject cannot be had, and no tombstone says why: wrong database, or wrong master key. */
export class SubjectKeyMissing extends ConcordError {
  readonly code = 'subject-key-missing';
}
