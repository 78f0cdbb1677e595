// Two-phase commit that is broken, to see that it is noticed: participants of the chaos test, which production code has no switch
// for. Either is harmless until a process dies at the wrong moment.
import { PostgresParticipant, type TransactionRef, type Vote } from '@concord/coordination';
import type { Database } from '@concord/database';
import { runInTenant } from '@concord/tenancy';

type Parts = ConstructorParameters<typeof PostgresParticipant>[0];
type Work = Parameters<PostgresParticipant['prepare']>[1];

/** A yes that is kept in memory only; and a participant that is told to commit before the decision is in the log. */
export const BROKEN_PROTOCOLS = ['prepare-not-durable', 'decision-after-send'] as const;

/** Errors: there is no such weakening. */
export function participantOf(weakening: string, parts: Parts, log: Database): PostgresParticipant {
  // One store of several: all of them would forget alike, and nobody would see half a transaction.
  const isFirst = parts.name.endsWith('0');
  if (weakening === 'prepare-not-durable') return isFirst ? new Forgetful(parts) : new PostgresParticipant(parts);
  if (weakening === 'decision-after-send') return new Hasty(parts, log);
  throw new Error(`there is no weakening "${weakening}": take one of ${BROKEN_PROTOCOLS.join(', ')}`);
}

/** Its prepare log is this process. */
class Forgetful extends PostgresParticipant {
  private readonly prepared = new Map<string, { readonly tenant: string; readonly work: Work }>();

  override async prepare(transaction: TransactionRef, work: Work): Promise<Vote> {
    if (work.requests.length === 0) return super.prepare(transaction, work);
    this.prepared.set(transaction.id, { tenant: transaction.tenant, work });
    return { vote: 'yes' };
  }

  /** What nobody here knows is taken for done. */
  override async commit(id: string): Promise<void> {
    const known = this.prepared.get(id);
    if (!known) return;
    await runInTenant(known.tenant, async () => {
      await this.store.append(...known.work.requests);
      await this.locks.release(known.work.owner);
    });
    this.prepared.delete(id);
  }

  override async abort(transaction: Pick<TransactionRef, 'id' | 'tenant' | 'coordinator'>): Promise<void> {
    this.prepared.delete(transaction.id);
    return super.abort(transaction);
  }
}

/** Who of a process has voted yes, by transaction. */
const votes = new Map<string, number>();

/** The last to vote yes commits, and only then lets the coordinator decide. */
class Hasty extends PostgresParticipant {
  constructor(
    parts: Parts,
    private readonly decisions: Database,
  ) {
    super(parts);
  }

  override async prepare(transaction: TransactionRef, work: Work): Promise<Vote> {
    const vote = await super.prepare(transaction, work);
    if (vote.vote !== 'yes') return vote;
    const { id } = transaction;
    const count = (votes.get(id) ?? 0) + 1;
    votes.set(id, count);
    const text = 'select cardinality(participants) as writers from concord.transactions where transaction_id = $1';
    const [row] = await this.decisions.queryOutside<{ writers: number }>({ name: 'chaos:writers', text }, [id]);
    if (row?.writers !== count) return vote;
    votes.delete(id);
    await this.commit(id);
    return vote;
  }
}
