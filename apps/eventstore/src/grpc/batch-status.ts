// Errors of BatchAppend: a status in the answer, with details that clients unpack. Details are always there: the Node
// client looks at their type without asking.
import type { Code } from '@eventstore/db-client/generated/code_pb.js';
import type { Status } from '@eventstore/db-client/generated/status_pb.js';
import type { WrongExpectedVersion as WrongExpectedVersionDetails } from '@eventstore/db-client/generated/shared_pb.js';
import { type ConcordError, EventIdInUse, InvalidArgument, StreamDeleted, WrongExpectedVersion } from '@concord/kernel';
import { AccessDenied } from '../access/access.js';
import { AppendTimedOut, AppendTooLarge, EventPropertyMissing, textOf } from './failures.js';
import { streamIdentifier } from './identifiers.js';
import { Any, code, GoogleEmpty, shared, status } from './protocol.js';

const { ALREADY_EXISTS, INVALID_ARGUMENT, DEADLINE_EXCEEDED, PERMISSION_DENIED, FAILED_PRECONDITION, INTERNAL } =
  code.Code;

type Details = readonly [code: Code, type: string, message: { serializeBinary(): Uint8Array }];

export function toStatus(error: unknown): Status {
  const [statusCode, type, message] = detailsOf(error);
  const details = new Any();
  details.pack(message.serializeBinary(), `event_store.client.${type}`);
  return new status.Status().setCode(statusCode).setMessage(textOf(error)).setDetails(details);
}

function detailsOf(error: unknown): Details {
  if (error instanceof WrongExpectedVersion)
    return [FAILED_PRECONDITION, 'WrongExpectedVersion', wrongExpectedVersion(error)];
  if (error instanceof StreamDeleted) {
    const deleted = new shared.StreamDeleted().setStreamIdentifier(streamIdentifier(error.stream));
    return [FAILED_PRECONDITION, 'StreamDeleted', deleted];
  }
  if (error instanceof AppendTooLarge) {
    const exceeded = new shared.MaximumAppendSizeExceeded().setMaxappendsize(error.max);
    return [INVALID_ARGUMENT, 'MaximumAppendSizeExceeded', exceeded];
  }
  if (error instanceof AccessDenied) return [PERMISSION_DENIED, 'AccessDenied', new shared.AccessDenied()];
  if (error instanceof AppendTimedOut) return [DEADLINE_EXCEEDED, 'Timeout', new shared.Timeout()];
  if (isBadRequest(error)) {
    const statusCode = error instanceof EventIdInUse ? ALREADY_EXISTS : INVALID_ARGUMENT;
    return [statusCode, 'BadRequest', new shared.BadRequest().setMessage(error.message)];
  }
  return [INTERNAL, 'Unknown', new shared.Unknown()];
}

function isBadRequest(error: unknown): error is ConcordError {
  return error instanceof InvalidArgument || error instanceof EventPropertyMissing || error instanceof EventIdInUse;
}

function wrongExpectedVersion({ expected, actual }: WrongExpectedVersion): WrongExpectedVersionDetails {
  const details = new shared.WrongExpectedVersion();
  if (actual >= 0n) details.setCurrentStreamRevision(actual.toString());
  else details.setCurrentNoStream(new GoogleEmpty());
  if (expected === 'any') return details.setExpectedAny(new GoogleEmpty());
  if (expected === 'no-stream') return details.setExpectedNoStream(new GoogleEmpty());
  if (expected === 'stream-exists') return details.setExpectedStreamExists(new GoogleEmpty());
  return details.setExpectedStreamPosition(expected.toString());
}
