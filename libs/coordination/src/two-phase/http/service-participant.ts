// The service's side: turns what a coordinator sends into work on a store of its own, which is prepared there.
import { InvariantBroken } from '@concord/domain';
import { derivedIdOf } from '@concord/kernel';
import { createHash } from 'node:crypto';
import { LeaseLost, LockWaitTimeout, OwnerWounded } from '@concord/locking';
import { runInTenant } from '@concord/tenancy';
import {
  type NoReason,
  Participant,
  type ParticipantState,
  type PreparedTransaction,
  type TransactionRef,
  type Vote,
} from '../participant.js';
import type { ForcedResolutions } from '../forced-resolutions.js';
import type { StoreParticipant } from '../store-participant.js';
import type { StoreSession } from '../store-session.js';

/**
 * What a service does of a transaction: loads, decides, and nothing else, since it may run again, or in vain. An invariant that
 * is broken is a no with its reason.
 */
export type PrepareWork = (work: unknown, store: StoreSession, transaction: TransactionRef) => Promise<void>;

const PASSING = [OwnerWounded, LeaseLost, LockWaitTimeout];

/** A store that does what other services ask of it, as its part of their transactions. */
export class ServiceParticipant extends Participant {
  readonly name: string;

  constructor(
    private readonly store: StoreParticipant,
    private readonly work: PrepareWork,
  ) {
    super();
    this.name = store.name;
  }

  override async prepare(transaction: TransactionRef, work: unknown): Promise<Vote> {
    const content = hashOf(transaction, work);
    const known = await this.store.statusOf(transaction.id, content);
    // A repeat: its own locks would be in its way.
    if (known === 'prepared') return { vote: 'yes' };
    if (known !== 'unknown') return no('settled', `the transaction is ${known} here`);
    return runInTenant(transaction.tenant, () => this.prepareAnew(transaction, work, content));
  }

  override commit(id: string): Promise<void> {
    return this.store.commit(id);
  }

  override abort(transaction: Pick<TransactionRef, 'id' | 'tenant' | 'coordinator'>): Promise<void> {
    return this.store.abort(transaction);
  }

  override status(id: string): Promise<ParticipantState> {
    return this.store.status(id);
  }

  override inDoubt(olderThanMs: number): Promise<PreparedTransaction[]> {
    return this.store.inDoubt(olderThanMs);
  }

  override get forced(): ForcedResolutions {
    return this.store.forced;
  }

  /** See PrepareLog.forgetSettled. */
  forgetSettled(olderThanMs: number): Promise<void> {
    return this.store.forgetSettled(olderThanMs);
  }

  private async prepareAnew(transaction: TransactionRef, work: unknown, content: Buffer): Promise<Vote> {
    const session = this.store.open(transaction.age);
    try {
      await this.work(work, session, transaction);
      // By the first attempt: a repeat of the whole under the same id is recognised here, too.
      const eventId = (index: number): string =>
        derivedIdOf(transaction.age.origin, 'transaction', this.name, index.toString());
      const parts = session.work(eventId, { transactionId: transaction.id });
      return await this.store.prepare(transaction, { ...parts, content });
    } catch (error) {
      if (error instanceof InvariantBroken) return no('refused', error.message, error.code);
      if (PASSING.some((kind) => error instanceof kind)) return no('conflict', (error as Error).message);
      throw error;
    } finally {
      session.release();
    }
  }
}

/** Of all that is asked, whatever the order of names: but for how long the answer is waited for. */
function hashOf({ tenant, coordinator, age, keepLocks = false }: TransactionRef, work: unknown): Buffer {
  const content = [tenant, coordinator, age.started.toString(), age.origin.toLowerCase(), keepLocks, work];
  return createHash('sha256').update(JSON.stringify(content, inOrderOfNames)).digest();
}

function inOrderOfNames(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

function no(kind: NoReason['kind'], message: string, code?: string): Vote {
  return { vote: 'no', reason: { kind, message, ...(code !== undefined && { code }) } };
}
