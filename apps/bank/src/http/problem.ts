// The one place where an error becomes what a caller sees: problem details (RFC 9457), for REST and GraphQL alike.
// `type` is `urn:concord:problem:<code>`: stable, and documented at /docs.
import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import { TransactionAborted } from '@concord/coordination';
import { InvariantBroken } from '@concord/domain';
import { ConcordError } from '@concord/kernel';

/** Members beside these five come from the error's details: `invariant`, `errors` and the like. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance?: string;
  readonly [member: string]: unknown;
}

interface Kind {
  readonly status: number;
  readonly title: string;
  /** Said instead of the error's own message and details, which are for the operator. */
  readonly detail?: string;
}

const TOO_MANY: Kind = {
  status: 503,
  title: 'Too many at once',
  detail: 'others changed the same accounts at the same time, again and again: nothing was changed, send it again',
};

/** Every code that a caller may see, but for those of HTTP itself. */
export const PROBLEMS: Readonly<Record<string, Kind>> = {
  'invalid-input': { status: 400, title: 'The input is not valid' },
  'invalid-argument': { status: 400, title: 'The input is not valid' },
  'cursor-invalid': { status: 400, title: 'The cursor does not fit this list' },
  'tenant-missing': {
    status: 400,
    title: 'No tenant was named',
    detail: 'send the header X-Tenant-Id (or, over a web socket, the same key in the payload of connection_init)',
  },
  'tenant-malformed': { status: 400, title: 'The tenant id is malformed' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'invariant-broken': { status: 409, title: 'A rule stands against it' },
  'wrong-expected-version': { status: 409, title: 'Somebody else was faster' },
  'stream-deleted': { status: 410, title: 'It was deleted for good' },
  'event-id-in-use': { status: 409, title: 'An event id is in use' },
  'command-id-reused': {
    status: 422,
    title: 'The Idempotency-Key belongs to another request',
    detail: 'this Idempotency-Key came with another request before: give each request a key of its own',
  },
  'read-model-behind': { status: 504, title: 'The read model is behind' },
  'not-ready': { status: 503, title: 'The service is not ready' },
  'transaction-aborted': { status: 503, title: 'Not all have agreed' },
  'transaction-in-doubt': {
    status: 503,
    title: 'It may have happened, or not',
    detail:
      'whether it was done is not known yet, and is settled by itself: look, or send it again with its Idempotency-Key',
  },
  'not-configured': { status: 501, title: 'It is not configured here' },
  'transient-conflict': TOO_MANY,
  'lock-wait-timeout': {
    status: 503,
    title: 'Others were at it for too long',
    detail: 'somebody else was at work on the same accounts for too long: nothing was changed, send it again',
  },
  'owner-wounded': TOO_MANY,
  'lease-lost': TOO_MANY,
  'ownership-lost': TOO_MANY,
  'database-unavailable': {
    status: 503,
    title: 'The database is not available',
    detail: 'the database cannot be reached at present: send it again later, with an Idempotency-Key if it is a write',
  },
  'store-unavailable': {
    status: 503,
    title: 'The event store is not available',
    detail:
      'the event store cannot be reached at present: send it again later, with an Idempotency-Key if it is a write',
  },
  'archive-unavailable': {
    status: 503,
    title: 'Archived events cannot be read',
    detail: 'events that this needs are archived, and the archive cannot be read at present: nothing was changed',
  },
  'event-from-newer-code': {
    status: 501,
    title: 'An event is newer than this instance',
    detail:
      'newer code wrote an event that this needs: nothing was changed, send it again once all instances are updated',
  },
  'not-supported-by-store': { status: 501, title: 'The event store in use cannot do this' },
  'decided-on-stale-state': {
    status: 503,
    title: 'What it was decided on did not come to be',
    detail: 'what this was decided on did not come to be: look, or send it again with the same Idempotency-Key',
  },
  'commit-unknown': {
    status: 503,
    title: 'It may have happened, or not',
    detail: 'the answer of the database was lost: send it again with the same Idempotency-Key, or look first',
  },
};

const INVARIANT_STATUS = { request: 422, state: 409 } as const;
// An invariant called `<thing>-exists` says that what the command is about is not there.
const ABSENCE = /-exists$/;

/** Errors of our own keep their code, those of HTTP their status; all others are 500 and say nothing of the inside. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ConcordError) {
    const kind = PROBLEMS[error.code];
    const details = kind?.detail === undefined ? error.details : {};
    if (kind) return problem(error.code, { ...kind, status: statusOf(error, kind) }, error.message, details);
  }
  const status = httpStatusOf(error);
  if (status !== undefined) {
    const title = STATUS_CODES[status] ?? 'The request was refused';
    return problem(title.toLowerCase().replaceAll(' ', '-'), { status, title }, (error as Error).message);
  }
  const unknown = 'something went wrong on our side: quote the correlation id when you report it';
  return problem('internal-error', { status: 500, title: 'Internal error' }, unknown);
}

function problem(code: string, kind: Kind, message: string, details: Readonly<Record<string, unknown>> = {}): Problem {
  const { status, title, detail = message } = kind;
  const members = { type: `urn:concord:problem:${code}`, title, status, detail };
  // First, and not to be overridden: details of an event say `type`, too.
  return { ...members, ...details, ...members };
}

function statusOf(error: ConcordError, kind: Kind): number {
  // A participant has a rule against it: sent again it would be the same.
  if (error instanceof TransactionAborted && error.reason.kind === 'refused') return INVARIANT_STATUS.state;
  if (!(error instanceof InvariantBroken)) return kind.status;
  return ABSENCE.test(error.invariant) ? 404 : INVARIANT_STATUS[error.kind];
}

/** Of Nest's exceptions, and of Fastify's and mercurius' errors, when the caller is to blame. */
function httpStatusOf(error: unknown): number | undefined {
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  const known = typeof code === 'string' && /^(FST|MER)_/.test(code) && typeof statusCode === 'number';
  const status = error instanceof HttpException ? error.getStatus() : known ? statusCode : undefined;
  return status !== undefined && status >= 400 && status < 500 ? status : undefined;
}
