// What is known of transactions that have not come to their end: what logs of decisions say, and what participants have prepared,
// put together.
import type { ListedLock } from '@concord/locking';
import type { TenantId } from '@concord/tenancy';
import type { LoggedTransaction } from './decision-log.js';
import type { PreparedTransaction, TransactionOutcome } from './participant.js';

/** A transaction that has not come to its end. */
export interface UnsettledTransaction {
  readonly id: string;
  readonly tenant: TenantId;
  /** `unknown`: its coordinator's log is not within reach, or says nothing of it. */
  readonly state: TransactionOutcome | 'unknown';
  readonly coordinator: string;
  readonly since: Date;
  readonly ageMs: number;
  /** All that the log knows of, and those that are prepared. A vote is `unknown` where its participant is not within reach. */
  readonly participants: readonly {
    readonly name: string;
    readonly vote: 'yes' | 'unknown';
    readonly state: 'prepared' | 'waiting' | 'acknowledged';
  }[];
  readonly locks: readonly ListedLock[];
  readonly attempts: number;
  readonly lastError: string | null;
}

/** Where it was looked. */
export interface Found {
  readonly logged: readonly LoggedTransaction[];
  readonly prepared: readonly PreparedTransaction[];
  /** Whether all that this coordinator has not forgotten is among `logged`: what is not there was aborted, or is over. */
  readonly isWhole: (coordinator: string) => boolean;
}

/** The oldest first, without locks. */
export function unsettledIn({ logged, prepared, isWhole }: Found): UnsettledTransaction[] {
  const ids = new Set([...logged, ...prepared].map(({ id }) => id));
  return [...ids]
    .map((id) => {
      const [known] = logged.filter((one) => one.id === id);
      const parts = prepared.filter((one) => one.id === id);
      return known ? ofLog(known, parts) : ofParticipants(parts as [PreparedTransaction], isWhole);
    })
    .toSorted((a, b) => a.since.getTime() - b.since.getTime());
}

/** With the locks that their participants have prepared. */
export function withLocks(
  unsettled: readonly UnsettledTransaction[],
  prepared: readonly PreparedTransaction[],
  locks: readonly ListedLock[],
): UnsettledTransaction[] {
  return unsettled.map((one) => {
    const owners = prepared.filter(({ id }) => id === one.id).map(({ lockOwner }) => lockOwner);
    return { ...one, locks: locks.filter(({ owner }) => owners.includes(owner)) };
  });
}

function ofLog(logged: LoggedTransaction, prepared: readonly PreparedTransaction[]): UnsettledTransaction {
  const { id, tenant, coordinator, state, beganAt, unacknowledged, attempts, lastError } = logged;
  const participants = logged.participants.map((name) => {
    const isPrepared = prepared.some(({ participant }) => participant === name);
    // Who is to be told a commit has voted for it.
    const isYes = isPrepared || (state === 'committed' && unacknowledged.includes(name));
    const known = unacknowledged.includes(name) ? ('waiting' as const) : ('acknowledged' as const);
    return {
      name,
      vote: isYes ? ('yes' as const) : ('unknown' as const),
      state: isPrepared ? ('prepared' as const) : known,
    };
  });
  return { id, tenant, coordinator, state, ...agedSince(beganAt), participants, locks: [], attempts, lastError };
}

function ofParticipants(
  prepared: readonly [PreparedTransaction, ...PreparedTransaction[]],
  isWhole: Found['isWhole'],
): UnsettledTransaction {
  const [{ id, tenant, coordinator, preparedAt }] = prepared;
  const participants = prepared.map(({ participant: name }) => ({ name, vote: 'yes', state: 'prepared' }) as const);
  const state = isWhole(coordinator) ? 'aborted' : 'unknown';
  const untold = { locks: [], attempts: 0, lastError: null };
  return { id, tenant, coordinator, state, ...agedSince(preparedAt), participants, ...untold };
}

function agedSince(since: Date): { since: Date; ageMs: number } {
  return { since, ageMs: Math.max(Date.now() - since.getTime(), 0) };
}
