// The port of a participant: one of several that commit a transaction together, or not at all. What it has voted yes to it
// can commit whatever happens to its process, and does so only when told.
import type { TenantId } from '@concord/tenancy';
import type { ForcedResolutions } from './forced-resolutions.js';

/** A distributed transaction, as its participants know it. */
export interface TransactionRef {
  /** A UUID, of one attempt. */
  readonly id: string;
  readonly tenant: TenantId;
  /** Whom to ask what was decided, should nobody tell. */
  readonly coordinator: string;
  /** Of its first attempt: locks are granted by age, in every store. */
  readonly age: { readonly started: bigint; readonly origin: string };
  /** How long the prepare may take; a vote that comes later counts for nothing. */
  readonly patienceMs: number;
  /**
   * Another participant takes its locks with its vote, too, and may do so later: who only reads is not to let go of its own. It
   * prepares them, votes yes, and is told the outcome; a read-only vote counts as a no.
   */
  readonly keepLocks?: boolean;
}

/**
 * Why a participant votes no. `conflict`: others were in the way, try the whole again. `refused`: a rule stands against it.
 * `repeated`: what it would do was done before. `settled`: it was aborted already. `unavailable`: no answer in time.
 */
export interface NoReason {
  readonly kind: 'conflict' | 'refused' | 'repeated' | 'settled' | 'unavailable';
  /** What stood against it, safe to show to the caller. */
  readonly message: string;
  /** Its code, where it was an error of Concord's. */
  readonly code?: string;
}

/** `read-only`: what it has read was valid to the end, and it is not to be told the outcome. */
export type Vote =
  { readonly vote: 'yes' } | { readonly vote: 'no'; readonly reason: NoReason } | { readonly vote: 'read-only' };

/** `unknown`: nothing was prepared, or it was forgotten. */
export type ParticipantState = 'unknown' | 'prepared' | 'committed' | 'aborted';

/** What a coordinator knows of a transaction. Of one that it does not know it says `aborted` (presumed abort). */
export type TransactionOutcome = 'preparing' | 'committed' | 'aborted';

/** A transaction that was voted yes to, and whose outcome is not known here. */
export interface PreparedTransaction {
  readonly id: string;
  readonly participant: string;
  readonly tenant: TenantId;
  readonly coordinator: string;
  readonly preparedAt: Date;
  readonly lockOwner: string;
}

/** A participant in transactions of several. All of it may be repeated, and a repeat changes nothing. */
export abstract class Participant<Work = unknown> {
  /** The same in every process, and for ever: transactions under way are told to it by this name. */
  abstract readonly name: string;

  /** It takes its locks when it prepares, and not when the work is done: nobody lets go of any before it has. */
  readonly locksWithItsVote: boolean = false;

  /**
   * Does the work up to its commit. After `yes` it can be committed, and aborted, for as long as it takes. After `no` nothing is left
   * of it. Errors: PrepareDiffers, after which nothing is left of it either, and what is under its id is another's; those of what it
   * works on, after which nothing is known, and abort() is to be called.
   */
  abstract prepare(transaction: TransactionRef, work: Work): Promise<Vote>;

  /** Where it can: prepares and commits in one, for the only participant that changes anything. `yes`: it is committed. */
  commitAlone?(transaction: TransactionRef, work: Work): Promise<Vote>;

  /** Commits what was prepared. Errors: OutcomeContradicted, when that is not there; all others: call it again. */
  abstract commit(id: string): Promise<void>;

  /**
   * Drops what was prepared, or will be; what another coordinator or tenant has under this id is not touched. Errors:
   * OutcomeContradicted, when it was committed; all others: call it again.
   */
  abstract abort(transaction: Pick<TransactionRef, 'id' | 'tenant' | 'coordinator'>): Promise<void>;

  /** What has become of a transaction here. */
  abstract status(id: string): Promise<ParticipantState>;

  /** Where they are within reach: what was prepared so long ago and has no outcome yet, the oldest first. */
  inDoubt?(olderThanMs: number): Promise<PreparedTransaction[]>;

  /** Where what is prepared is kept: what operators have forced there. */
  get forced(): ForcedResolutions | undefined {
    return undefined;
  }
}
