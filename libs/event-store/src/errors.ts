// What a store that is not our PostgreSQL may answer, beside the errors of @concord/kernel and @concord/database.
import { ConcordError } from '@concord/kernel';

/**
 * The event store cannot be reached, does not answer, or has more to do than it can take; nothing was changed. Send it
 * again later.
 */
export class StoreUnavailable extends ConcordError {
  readonly code = 'store-unavailable';
}

/** This kind of store cannot do what was asked of it, see EventStore.capabilities; nothing was changed. */
export class NotSupportedByStore extends ConcordError {
  readonly code = 'not-supported-by-store';
}

/** The event store refused for a reason that neither the caller nor time will mend, such as missing rights. */
export class StoreRefused extends ConcordError {
  readonly code = 'store-refused';
}
