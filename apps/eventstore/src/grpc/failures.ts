// Errors as clients expect them on a call: a gRPC status, and trailers that name the exception. What is not known here is
// logged and told in a few words, never with a stack.
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { Logger } from '@nestjs/common';
import { CommitUnknown, DatabaseUnavailable, OwnershipLost, TransientConflict } from '@concord/database';
import { ArchiveUnavailable } from '@concord/event-store';
import { ConcordError, EventIdInUse, InvalidArgument, StreamDeleted, WrongExpectedVersion } from '@concord/kernel';
import { AccessDenied } from '../access/access.js';
import { NotAuthenticated } from '../access/users.js';
import { NoLeader, NotLeader, SubscriptionFailure } from '../persistent/failures.js';
import { ServerClosing } from './stopping.js';

/** An append is larger than the server takes. */
export class AppendTooLarge extends ConcordError {
  readonly code = 'append-too-large';

  constructor(readonly max: number) {
    super(`an append has at most ${max} bytes: split it, or set EVENTSTORE_MAX_APPEND_SIZE`);
  }
}

/** An event of an append says not all about itself. */
export class EventPropertyMissing extends ConcordError {
  readonly code = 'event-property-missing';

  constructor() {
    super('the metadata of an event must have "type" and "content-type"');
  }
}

/** The time that the client gave is over; whether the append went through is not known. */
export class AppendTimedOut extends ConcordError {
  readonly code = 'append-timed-out';
}

const logger = new Logger('EventStoreServer');

/**
 * The failure of a call. Trailers are ASCII: what is not is percent-encoded. They are cut to what clients take: one that gets more
 * than 64 KiB of them gives up the connection, and with it all its other calls.
 */
export function toServiceError(error: unknown): ServiceError {
  const [code, whole, trailers] = describe(error);
  const text = cut(whole);
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(trailers)) metadata.set(key, asciiOf(cut(value)));
  return Object.assign(new Error(text), { name: 'ServiceError', code, details: text, metadata });
}

type Description = readonly [code: status, text: string, trailers: Readonly<Record<string, string>>];

function describe(error: unknown): Description {
  if (error instanceof WrongExpectedVersion) return wrongExpectedVersion(error);
  if (error instanceof AccessDenied) {
    return [status.PERMISSION_DENIED, error.message, { exception: 'access-denied' }];
  }
  if (error instanceof StreamDeleted) {
    return [status.FAILED_PRECONDITION, error.message, { exception: 'stream-deleted', 'stream-name': error.stream }];
  }
  if (error instanceof AppendTooLarge) {
    const trailers = { exception: 'maximum-append-size-exceeded', 'maximum-append-size': `${error.max}` };
    return [status.INVALID_ARGUMENT, error.message, trailers];
  }
  if (error instanceof EventPropertyMissing) {
    const trailers = {
      exception: 'missing-required-metadata-property',
      'required-metadata-properties': 'type,content-type',
    };
    return [status.INVALID_ARGUMENT, error.message, trailers];
  }
  return describeSubscription(error) ?? [codeOf(error), textOf(error), {}];
}

const SUBSCRIPTION_CODES: Readonly<Record<SubscriptionFailure['code'], status>> = {
  'persistent-subscription-exists': status.ALREADY_EXISTS,
  'persistent-subscription-does-not-exist': status.NOT_FOUND,
  'persistent-subscription-failed': status.INTERNAL,
  'persistent-subscription-dropped': status.CANCELLED,
  'maximum-subscribers-reached': status.FAILED_PRECONDITION,
};

function describeSubscription(error: unknown): Description | undefined {
  if (error instanceof NotLeader) {
    const { host, port } = error;
    const trailers = { exception: 'not-leader', 'leader-endpoint-host': host, 'leader-endpoint-port': `${port}` };
    return [status.NOT_FOUND, error.message, trailers];
  }
  if (!(error instanceof SubscriptionFailure)) return undefined;
  const { code, message, stream, group, reason } = error;
  const trailers = { exception: code, 'stream-name': stream, 'group-name': group, ...(reason && { reason }) };
  return [SUBSCRIPTION_CODES[code], message, trailers];
}

function wrongExpectedVersion({ stream, expected, actual, message }: WrongExpectedVersion): Description {
  const words: Record<string, string> = { any: '-2', 'no-stream': '-1', 'stream-exists': '-4' };
  const trailers = {
    exception: 'wrong-expected-version',
    'stream-name': stream,
    'expected-version': words[expected.toString()] ?? expected.toString(),
    ...(actual >= 0n && { 'actual-version': actual.toString() }),
  };
  return [status.FAILED_PRECONDITION, message, trailers];
}

const CODES: readonly (readonly [abstract new (...parts: never[]) => ConcordError, status])[] = [
  [InvalidArgument, status.INVALID_ARGUMENT],
  [NotAuthenticated, status.UNAUTHENTICATED],
  [EventIdInUse, status.ALREADY_EXISTS],
  [ArchiveUnavailable, status.FAILED_PRECONDITION],
  [AppendTimedOut, status.DEADLINE_EXCEEDED],
  [TransientConflict, status.ABORTED],
  [ServerClosing, status.UNAVAILABLE],
  [NoLeader, status.UNAVAILABLE],
  [OwnershipLost, status.UNAVAILABLE],
  [DatabaseUnavailable, status.UNAVAILABLE],
  [CommitUnknown, status.UNAVAILABLE],
];

function codeOf(error: unknown): status {
  return CODES.find(([type]) => error instanceof type)?.[1] ?? status.INTERNAL;
}

/** The text of an error that was meant for callers; any other is for the log, and so is where the database is. */
export function textOf(error: unknown): string {
  const ofDatabase = error instanceof DatabaseUnavailable || error instanceof CommitUnknown;
  if (error instanceof ConcordError && !ofDatabase) return error.message;
  logger.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  if (error instanceof CommitUnknown) return 'the database of this server did not answer: it may be done, or not';
  return ofDatabase
    ? 'the database of this server cannot be reached at present'
    : 'the server failed: its log says why';
}

// Twice this is longer than any name that is taken; encoded, a character may be nine.
const LONGEST_END = 500;

function cut(text: string): string {
  if (text.length <= 2 * LONGEST_END) return text;
  return `${text.slice(0, LONGEST_END)}...${text.slice(-LONGEST_END)}`.toWellFormed();
}

function asciiOf(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/gu, (character) => encodeURIComponent(character));
}
