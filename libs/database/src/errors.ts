// The only place that knows SQLSTATEs. What the database says becomes an error that the code above can act on.
import {
  ConcordError,
  EventIdInUse,
  type ExpectedVersion,
  InvalidArgument,
  StreamDeleted,
  type StreamName,
  WrongExpectedVersion,
} from '@concord/kernel';

/** Two transactions got in each other's way and this one gave up; nothing was changed. Run it again. */
export class TransientConflict extends ConcordError {
  readonly code = 'transient-conflict';
}

/** The database cannot be reached, or went away. What was not answered may or may not have been committed. */
export class DatabaseUnavailable extends ConcordError {
  readonly code = 'database-unavailable';
}

/** The commit was sent and its answer was lost: look before you repeat, or repeat with the same ids. */
export class CommitUnknown extends ConcordError {
  readonly code = 'commit-unknown';
}

/** Work that was to run without a transaction used the database; nothing of that was done. Run it in a transaction. */
export class TransactionNeeded extends ConcordError {
  readonly code = 'transaction-needed';
}

/** What this work was based on, a lease and its fencing token, belongs to somebody else by now; nothing was changed. */
export class OwnershipLost extends ConcordError {
  readonly code = 'ownership-lost';
}

/** A distributed transaction has gone further here than the caller knows; nothing was changed. */
export class TransactionSettled extends ConcordError {
  readonly code = 'transaction-settled';

  /** @param state `prepared`, `committed`, `aborted`, `unknown`, or `repeated`: its events are there already */
  constructor(
    readonly transaction: string,
    readonly state: string,
    options?: ErrorOptions,
  ) {
    super(`transaction ${transaction} is ${state} here`, { transaction, state }, options);
  }
}

interface PostgresError extends Error {
  readonly code?: string;
  readonly detail?: string;
  readonly constraint?: string;
}

const WRONG_EXPECTED_VERSION = 'CN001';
const HALF_REPEATED = 'CN002';
const STREAM_DELETED = 'CN003';
const FEED_ON_STANDBY = 'CN005';
const OWNERSHIP_LOST = 'CN040';
const TRANSACTION_SETTLED = 'CN050';
// numeric_value_out_of_range, character_not_in_repertoire, invalid_regular_expression, invalid_text_representation,
// untranslatable_character
const UNREADABLE = new Set(['22003', '22021', '2201B', '22P02', '22P05']);
const UNIQUE_VIOLATION = '23505';
// serialization_failure, deadlock_detected, lock_not_available, object_in_use
const TRANSIENT = new Set(['40001', '40P01', '55P03', '55006']);
// admin_shutdown, crash_shutdown, cannot_connect_now, too_many_connections, read_only_sql_transaction (a failover)
const UNAVAILABLE = new Set(['57P01', '57P02', '57P03', '53300', '25006', FEED_ON_STANDBY]);
// Name servers and routes are away for a while, like servers.
const NETWORK = new Set(
  'ECONNREFUSED ECONNRESET EPIPE ETIMEDOUT ENOTFOUND EAI_AGAIN EHOSTUNREACH ENETUNREACH ENETDOWN'.split(' '),
);
const LOST_CONNECTION =
  /connection terminated|timeout exceeded when trying to connect|not queryable|Cannot use a pool/i;

/** in_failed_sql_transaction: whether it only says that another statement of its transaction has failed before. */
export function isBehindFailure(error: unknown): boolean {
  return isError(error) && driverError(error).code === '25P02';
}

/** Whether somebody has stored a row of the same key before. */
export function isUniqueViolation(error: unknown): boolean {
  return isError(error) && driverError(error).code === UNIQUE_VIOLATION;
}

/** Turns an error of pg or TypeORM into one of ours, and leaves every other error as it is. */
export function translateDatabaseError(error: unknown): unknown {
  if (error instanceof ConcordError || !isError(error)) return error;
  const cause = driverError(error);
  return translateState(cause) ?? translateConnection(cause) ?? error;
}

// Not instanceof: where tests run in a realm of their own, what Node's own modules throw is of another one.
function isError(value: unknown): value is Error {
  return Object.prototype.toString.call(value) === '[object Error]';
}

function driverError(error: Error): PostgresError {
  const wrapped = (error as { driverError?: unknown }).driverError;
  return isError(wrapped) ? wrapped : error;
}

// Our own SQLSTATEs, and the constraints whose violation says something.
const MEANINGS: Readonly<Record<string, (error: PostgresError) => ConcordError>> = {
  [WRONG_EXPECTED_VERSION]: wrongExpectedVersion,
  [STREAM_DELETED]: streamDeleted,
  [HALF_REPEATED]: (cause) => new EventIdInUse({ cause }),
  [TRANSACTION_SETTLED]: transactionSettled,
  [OWNERSHIP_LOST]: (cause) => new OwnershipLost(cause.message, {}, { cause }),
  [`${UNIQUE_VIOLATION} events_event_id_key`]: (cause) => new EventIdInUse({ cause }),
  // A stale snapshot.
  [`${UNIQUE_VIOLATION} events_stream_key`]: (cause) => new TransientConflict(cause.message, {}, { cause }),
};

function translateState(error: PostgresError): ConcordError | undefined {
  const { code = '', constraint } = error;
  if (TRANSIENT.has(code)) return new TransientConflict(error.message, {}, { cause: error });
  if (UNREADABLE.has(code)) return new InvalidArgument(error.message, {}, { cause: error });
  const meaning = MEANINGS[code] ?? MEANINGS[`${code} ${constraint}`];
  return meaning?.(error);
}

function translateConnection(error: PostgresError): ConcordError | undefined {
  const { code = '' } = error;
  const gone = UNAVAILABLE.has(code) || NETWORK.has(code) || code.startsWith('08');
  if (!gone && !LOST_CONNECTION.test(error.message)) return undefined;
  return new DatabaseUnavailable(`the database is not available: ${error.message}`, {}, { cause: error });
}

function streamDeleted(error: PostgresError): StreamDeleted {
  const { stream } = JSON.parse(error.detail ?? '{}') as Record<string, string>;
  return new StreamDeleted(stream as StreamName);
}

function transactionSettled(error: PostgresError): TransactionSettled {
  const { transaction, state } = JSON.parse(error.detail ?? '{}') as Record<string, string>;
  return new TransactionSettled(transaction ?? '', state ?? '', { cause: error });
}

function wrongExpectedVersion(error: PostgresError): WrongExpectedVersion {
  const { stream, expected, actual } = JSON.parse(error.detail ?? '{}') as Record<string, string>;
  const version = /^\d+$/.test(expected ?? '') ? BigInt(expected ?? 0) : (expected as ExpectedVersion);
  return new WrongExpectedVersion(stream as StreamName, version, BigInt(actual ?? -1));
}
