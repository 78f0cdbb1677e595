// What can go wrong on the wire, and what it means: whether another attempt is worth it, whether the append may have
// arrived, and which of our errors the caller gets. Errors of the client and raw ones of gRPC, all of them.
import shared from '@eventstore/db-client/generated/shared_pb.js';
import type { Status } from '@eventstore/db-client/generated/status_pb.js';
import { ConcordError, EventIdInUse, InvalidArgument } from '@concord/kernel';
import { StoreRefused, StoreUnavailable } from '../errors.js';

/** No answer came in time, or the call ended without one. */
export class Unanswered extends Error {}

/** The verdict of the server on one append. */
export class AppendFailed extends Error {
  readonly kind: string;
  readonly code: number | undefined;
  /** Where the stream is, when it was expected elsewhere; -1 when it has no event. */
  readonly actual: bigint = -1n;

  constructor(status: Status | undefined) {
    super(status?.getMessage() || 'the server gave no reason');
    this.code = status?.getCode();
    const details = status?.getDetails();
    this.kind = details ? details.getTypeName().replace(/^.*\./, '') : `code ${this.code ?? 'none'}`;
    if (this.kind === 'WrongExpectedVersion' && details) this.actual = actualIn(details.getValue_asU8());
  }
}

function actualIn(details: Uint8Array): bigint {
  const wrong = shared.WrongExpectedVersion.deserializeBinary(details);
  return wrong.hasCurrentStreamRevision() ? BigInt(wrong.getCurrentStreamRevision()) : -1n;
}

/** Of the client's own errors `type`, of gRPC's `code` and `details`. Not instanceof: tests run in a realm of their own. */
interface WireError {
  readonly type?: string;
  readonly code?: number | string;
  readonly details?: string;
  readonly message?: string;
}

// CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, INTERNAL, UNAVAILABLE
const TRANSIENT_CODES = new Set<unknown>([1, 4, 8, 10, 14]);
const TRANSIENT_TYPES = new Set<unknown>(['unavailable', 'cancelled', 'not-leader', 'timeout', 'deadline-exceeded']);
const TRANSIENT_KINDS = new Set(['Timeout', ...[...TRANSIENT_CODES].map((code) => `code ${String(code)}`)]);
// What servers answer that keep event ids apart, as apps/eventstore does.
const ALREADY_EXISTS = 6;
const BROKEN = /channel|socket|ECONN|EPIPE|write after end|RST_STREAM|Failed to discover|premature close/i;
const NEVER_SENT =
  /No connection established|Failed to discover|Name resolution failed|ECONNREFUSED|Channel closed before/i;

/** Whether the same call may succeed at another attempt. */
export function isTransient(error: unknown): boolean {
  if (error instanceof ConcordError) return false;
  if (error instanceof Unanswered) return true;
  if (error instanceof AppendFailed) return TRANSIENT_KINDS.has(error.kind);
  const { type, code, message = '' } = error as WireError;
  return TRANSIENT_TYPES.has(type) || TRANSIENT_CODES.has(code) || BROKEN.test(message);
}

/** Whether an append that failed like this may have been recorded all the same. */
export function mayHaveArrived(error: unknown): boolean {
  if (error instanceof AppendFailed) return TRANSIENT_KINDS.has(error.kind);
  const { message = '', details = '' } = error as WireError;
  return isTransient(error) && !NEVER_SENT.test(`${message} ${details}`);
}

/** Whether a read found that the stream is not there, */
export function isMissingStream(error: unknown): boolean {
  const { type } = error as WireError;
  return type === 'stream-not-found' || type === 'no-stream';
}

/** Whether the stream is deleted for good. */
export function isTombstone(error: unknown): boolean {
  return error instanceof AppendFailed
    ? error.kind === 'StreamDeleted'
    : (error as WireError).type === 'stream-deleted';
}

/** The error of ours that a failure is to the caller, once no more attempt is made. */
export function translateFailure(error: unknown): ConcordError {
  if (error instanceof ConcordError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (isTransient(error)) {
    return new StoreUnavailable(`the event store does not answer: ${message}`, {}, { cause: error });
  }
  return refusal(error, message);
}

function refusal(cause: unknown, message: string): ConcordError {
  const what = cause instanceof AppendFailed ? cause.kind : (cause as WireError).type;
  if (cause instanceof AppendFailed && cause.code === ALREADY_EXISTS) return new EventIdInUse({ cause });
  if (what === 'MaximumAppendSizeExceeded') {
    return new InvalidArgument(`the append is larger than the event store takes: ${message}`, {}, { cause });
  }
  if (what === 'BadRequest' || what === 'invalid-argument') {
    return new InvalidArgument(`the event store does not take this: ${message}`, {}, { cause });
  }
  return new StoreRefused(`the event store refused (${what ?? 'no reason given'}): ${message}`, {}, { cause });
}
