// The protocol: two-phase commit with presumed abort. Who voted yes is told what was decided, and nobody before it is in the
// log. The numbers are the steps of docs/reference/two-phase-commit.md.
import { ConcordError } from '@concord/kernel';
import type { DecisionLog } from './decision-log.js';
import { type Delivery, within } from './delivery.js';
import { PrepareDiffers, TransactionInDoubt } from './errors.js';
import { reached } from './failpoints.js';
import type { NoReason, Participant, TransactionRef, Vote } from './participant.js';
import { setTimeout as sleep } from 'node:timers/promises';

/** A participant's part of a transaction. */
export interface Branch<Work = unknown> {
  readonly participant: Participant<Work>;
  readonly work: Work;
  /** It is known to change nothing. */
  readonly isReadOnly: boolean;
}

/** What it came to. `waiting`: who has not acknowledged the commit yet, and is told until it has. */
export type Committed =
  | { readonly outcome: 'committed'; readonly waiting: readonly string[] }
  | { readonly outcome: 'aborted'; readonly participant: string; readonly reason: NoReason };

interface Voted {
  readonly name: string;
  readonly vote: Vote;
}

const LOOK_WITHIN_MS = 15_000;
const LOOK_AGAIN_MS = 200;

export class CommitProtocol {
  constructor(
    private readonly log: DecisionLog,
    private readonly delivery: Delivery,
  ) {}

  /** Errors: TransactionInDoubt; those of the log before anything was decided, and then it is aborted. */
  async run(transaction: TransactionRef, branches: readonly Branch[]): Promise<Committed> {
    const readers = branches.filter(({ isReadOnly }) => isReadOnly);
    const writers = branches.filter(({ isReadOnly }) => !isReadOnly);
    const [only, another] = writers;
    // 1. One participant that changes anything: one phase, once what was read is known to be valid still.
    if (!another && (!only || only.participant.commitAlone)) return this.runAlone(transaction, readers, only);
    // 2. Begun, for all to see.
    const names = writers.map(({ participant }) => participant.name);
    await this.log.begin(transaction, names);
    await reached('coordinator.begun');
    // 3. All vote.
    const votes = await this.vote(transaction, readers, writers);
    const no = refusalIn(votes);
    if (no) return this.abort(transaction, names, votes, no);
    const yes = names.filter((name) => votes.some((voted) => voted.name === name && voted.vote.vote === 'yes'));
    if (yes.length < names.length) await reached('coordinator.read-only-left');
    await reached('coordinator.voted');
    // 4. Decided, when it is in the log. 5. Told, until all know it. 6. Forgotten.
    if (!(await this.decide(transaction.id, yes))) return this.abort(transaction, names, votes, ABORTED_BY_OTHERS);
    await reached('coordinator.decided');
    return { outcome: 'committed', waiting: await this.tell(transaction, 'committed', yes) };
  }

  /**
   * At the same time, where all locks are held already. Who only read lets go of its locks when it votes: where another
   * participant takes its own with its vote, that one votes first, or a third transaction might come between the two. Of several
   * of those none lets go with its vote.
   */
  private async vote(
    transaction: TransactionRef,
    readers: readonly Branch[],
    writers: readonly Branch[],
  ): Promise<readonly Voted[]> {
    if (!writers.some(({ participant }) => participant.locksWithItsVote))
      return votesOf(transaction, [...readers, ...writers]);
    const keepLocks = writers.filter(({ participant }) => participant.locksWithItsVote).length > 1;
    const votes = (await votesOf({ ...transaction, keepLocks }, writers)).map((voted) =>
      keepLocks && voted.vote.vote === 'read-only' ? { ...voted, vote: LEFT_EARLY } : voted,
    );
    return refusalIn(votes) ? votes : [...votes, ...(await votesOf(transaction, readers))];
  }

  private async runAlone(transaction: TransactionRef, readers: readonly Branch[], only?: Branch): Promise<Committed> {
    const votes = await votesOf(transaction, readers);
    const no = refusalIn(votes);
    if (no) return { outcome: 'aborted', ...no };
    if (!only?.participant.commitAlone) return { outcome: 'committed', waiting: [] };
    const vote = await only.participant.commitAlone(transaction, only.work);
    if (vote.vote !== 'no') return { outcome: 'committed', waiting: [] };
    return { outcome: 'aborted', participant: only.participant.name, reason: vote.reason };
  }

  /** False: it is aborted. Errors: TransactionInDoubt. */
  private async decide(id: string, yes: readonly string[]): Promise<boolean> {
    try {
      return await this.log.commit(id, yes);
    } catch (cause) {
      return this.lookUp(id, yes, cause);
    }
  }

  /** The answer to the decision was lost: what is in the log is what was decided. */
  private async lookUp(id: string, yes: readonly string[], cause: unknown): Promise<boolean> {
    for (const deadline = Date.now() + LOOK_WITHIN_MS; Date.now() < deadline;) {
      await sleep(LOOK_AGAIN_MS);
      try {
        const outcome = await this.log.outcome(id);
        if (outcome !== 'preparing') return outcome === 'committed';
        // It did not get there, or not yet. Once more: one of the two does it, and if not this one, the log says so.
        if (await this.log.commit(id, yes)) return true;
      } catch {
        continue;
      }
    }
    throw new TransactionInDoubt(id, { cause });
  }

  private async abort(
    transaction: TransactionRef,
    names: readonly string[],
    votes: readonly Voted[],
    no: { readonly participant: string; readonly reason: NoReason },
  ): Promise<Committed> {
    await reached('coordinator.aborting');
    // Whoever aborts it first: an error leaves it to the watchdog, and participants ask.
    const reason = `${no.participant}: ${no.reason.message}`;
    const isLogged = await this.log.abort(transaction.id, 'coordinator', reason).then(
      () => true,
      () => false,
    );
    await reached('coordinator.abort-decided');
    // Who has voted no has forgotten it, and who only read need not know.
    const others = names.filter((name) => {
      const vote = votes.find((voted) => voted.name === name)?.vote;
      return vote?.vote === 'yes' || (vote?.vote === 'no' && vote.reason.kind === 'unavailable');
    });
    if (isLogged) await this.tell(transaction, 'aborted', others);
    await reached('coordinator.abort-told');
    return { outcome: 'aborted', ...no };
  }

  private tell(
    { id, tenant, coordinator }: TransactionRef,
    state: 'committed' | 'aborted',
    names: readonly string[],
  ): Promise<string[]> {
    const decided = { id, tenant, coordinator, state, unacknowledged: names, attempts: 0 };
    return this.delivery.tell(decided, state === 'committed' ? COMMIT_POINTS : {});
  }
}

const COMMIT_POINTS = {
  one: 'coordinator.one-told',
  all: 'coordinator.all-told',
  forgotten: 'coordinator.forgotten',
} as const;

const LEFT_EARLY: Vote = {
  vote: 'no',
  reason: {
    kind: 'refused',
    message: 'it has voted read-only, and so let go of its locks, where it was to keep them until all have theirs',
  },
};

const ABORTED_BY_OTHERS = {
  participant: 'the log of decisions',
  reason: { kind: 'conflict', message: 'it took too long, and was aborted' },
} as const;

function votesOf(transaction: TransactionRef, branches: readonly Branch[]): Promise<Voted[]> {
  return Promise.all(
    branches.map(async ({ participant, work }) => ({
      name: participant.name,
      vote: await voteOf(transaction, participant, work),
    })),
  );
}

/** No answer is a no: it may have prepared, and is to be told. What is prepared under a reused id is another's, and is not. */
async function voteOf(transaction: TransactionRef, participant: Participant, work: unknown): Promise<Vote> {
  try {
    return await within(participant.prepare(transaction, work), transaction.patienceMs);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const code = error instanceof ConcordError ? { code: error.code } : {};
    const kind = error instanceof PrepareDiffers ? 'refused' : 'unavailable';
    return { vote: 'no', reason: { kind, message, ...code } };
  }
}

/** What is final comes before what may pass. */
function refusalIn(votes: readonly Voted[]): { participant: string; reason: NoReason } | undefined {
  const refusals = votes.flatMap(({ name, vote }) =>
    vote.vote === 'no' ? [{ participant: name, reason: vote.reason }] : [],
  );
  const order: NoReason['kind'][] = ['repeated', 'refused', 'unavailable', 'settled', 'conflict'];
  return refusals.toSorted((a, b) => order.indexOf(a.reason.kind) - order.indexOf(b.reason.kind))[0];
}
