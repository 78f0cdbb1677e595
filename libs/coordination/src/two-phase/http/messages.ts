// What travels between a coordinator and a service, and how it is read again: what comes in is checked before it is believed.
import { InvalidArgument, isId } from '@concord/kernel';
import { parseTenantId } from '@concord/tenancy';
import type { NoReason, ParticipantState, TransactionOutcome, TransactionRef, Vote } from '../participant.js';

/** The steps a service can be asked for; `outcome` is asked of a coordinator. */
export type TwoPhaseAction = 'prepare' | 'commit' | 'abort' | 'status' | 'outcome';

/** One of its own, so that no body parser of the app takes it. */
export const MEDIA_TYPE = 'application/vnd.concord.2pc+json';

const ACTIONS: readonly string[] = ['prepare', 'commit', 'abort', 'status', 'outcome'] satisfies TwoPhaseAction[];
const REASONS: readonly string[] = [
  'conflict',
  'refused',
  'repeated',
  'settled',
  'unavailable',
] satisfies NoReason['kind'][];
const STATES: readonly string[] = ['unknown', 'prepared', 'committed', 'aborted'] satisfies ParticipantState[];
const OUTCOMES: readonly string[] = ['preparing', 'committed', 'aborted'] satisfies TransactionOutcome[];
const MAX_PATIENCE_MS = 600_000;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

export function isAction(text: string): text is TwoPhaseAction {
  return ACTIONS.includes(text);
}

export function textOfRef({ age, ...ref }: TransactionRef): object {
  return { ...ref, age: { started: age.started.toString(), origin: age.origin } };
}

/** Errors: InvalidArgument. */
export function parseBody(text: string): Readonly<Record<string, unknown>> {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new InvalidArgument('the body is no JSON object');
}

/** What abort and commit are told. Errors: InvalidArgument, TenantMissing, TenantMalformed. */
export function parseKnown(transaction: unknown): Pick<TransactionRef, 'id' | 'tenant' | 'coordinator'> {
  const { id, tenant, coordinator } = fieldsOf(transaction);
  if (typeof id !== 'string' || !isId(id)) throw new InvalidArgument('transaction.id is no UUID');
  if (typeof coordinator !== 'string' || !NAME.test(coordinator)) {
    throw new InvalidArgument(
      'transaction.coordinator is no name: 1 to 100 letters, digits, dots, dashes, underscores',
    );
  }
  return { id: id.toLowerCase(), coordinator, tenant: parseTenantId(typeof tenant === 'string' ? tenant : undefined) };
}

/** Errors: as of parseKnown. */
export function parseRef(transaction: unknown): TransactionRef {
  const { age, patienceMs, keepLocks = false } = fieldsOf(transaction);
  const { started, origin } = fieldsOf(age);
  if (typeof started !== 'string' || !/^\d{1,18}$/.test(started)) {
    throw new InvalidArgument('transaction.age.started is no number of microseconds, as text');
  }
  if (typeof origin !== 'string' || !isId(origin)) throw new InvalidArgument('transaction.age.origin is no UUID');
  if (typeof patienceMs !== 'number' || !(patienceMs >= 1 && patienceMs <= MAX_PATIENCE_MS)) {
    throw new InvalidArgument(`transaction.patienceMs is 1 to ${MAX_PATIENCE_MS}`);
  }
  if (typeof keepLocks !== 'boolean') throw new InvalidArgument('transaction.keepLocks is true or false');
  return { ...parseKnown(transaction), age: { started: BigInt(started), origin }, patienceMs, keepLocks };
}

/** Errors: InvalidArgument: a vote that is not understood is none. */
export function parseVote(body: Readonly<Record<string, unknown>>): Vote {
  const { vote, reason } = body;
  if (vote === 'yes' || vote === 'read-only') return { vote };
  const { kind, message, code } = fieldsOf(reason);
  if (vote !== 'no' || typeof message !== 'string' || typeof kind !== 'string' || !REASONS.includes(kind)) {
    throw new InvalidArgument('the answer is no vote');
  }
  return { vote, reason: { kind: kind as NoReason['kind'], message, ...(typeof code === 'string' && { code }) } };
}

/** Errors: InvalidArgument. */
export function parseState({ state }: Readonly<Record<string, unknown>>): ParticipantState {
  if (typeof state === 'string' && STATES.includes(state)) return state as ParticipantState;
  throw new InvalidArgument('the answer is no state');
}

/** Errors: InvalidArgument. */
export function parseOutcome({ outcome }: Readonly<Record<string, unknown>>): TransactionOutcome {
  if (typeof outcome === 'string' && OUTCOMES.includes(outcome)) return outcome as TransactionOutcome;
  throw new InvalidArgument('the answer is no outcome');
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
