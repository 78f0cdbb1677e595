// A store as a participant: what is common to those whose locks and prepared values are in PostgreSQL.
import {
  CommitUnknown,
  DatabaseUnavailable,
  type Database,
  OwnershipLost,
  TransactionSettled,
  TransientConflict,
} from '@concord/database';
import type { EventStore } from '@concord/event-store';
import { ConcordError, type RecordedEvent, type StreamName, WrongExpectedVersion } from '@concord/kernel';
import type { ListedLock, LockService } from '@concord/locking';
import { runInTenant } from '@concord/tenancy';
import { reached } from './failpoints.js';
import { PrepareDiffers } from './errors.js';
import { ForcedResolutions } from './forced-resolutions.js';
import {
  Participant,
  type ParticipantState,
  type PreparedTransaction,
  type TransactionRef,
  type Vote,
} from './participant.js';
import { type Prepared, PrepareLog } from './prepare-log.js';
import { StoreSession, type StoreWork } from './store-session.js';

/** A store, and what keeps its locks and prepared values. */
export interface StoreParticipantOptions {
  /** The same in every process, and for ever. */
  readonly name: string;
  /** That of the locks and the prepared values. */
  readonly database: Database;
  readonly store: EventStore;
  /** On that database. */
  readonly locks: LockService;
}

const PASSING = [OwnershipLost, WrongExpectedVersion, TransientConflict];
const UNKNOWN = [DatabaseUnavailable, CommitUnknown];

/** A store that takes part in transactions. */
export abstract class StoreParticipant extends Participant<StoreWork> {
  readonly name: string;
  /** That of its locks. */
  readonly database: Database;
  protected readonly store: EventStore;
  protected readonly locks: LockService;
  protected readonly log: PrepareLog;
  private readonly resolutions: ForcedResolutions;

  constructor({ name, database, store, locks }: StoreParticipantOptions) {
    super();
    this.name = name;
    this.database = database;
    this.resolutions = new ForcedResolutions(database);
    this.store = store;
    this.locks = locks;
    this.log = new PrepareLog(database, locks, name);
  }

  override get forced(): ForcedResolutions {
    return this.resolutions;
  }

  /** Begins a transaction's part in this store; it is as old as the transaction. */
  open(age: TransactionRef['age']): StoreSession {
    return new StoreSession(this.store, this.locks, this.locks.again({ id: '', signal: NEVER, ...age }));
  }

  override async prepare(transaction: TransactionRef, work: StoreWork): Promise<Vote> {
    await reached('participant.prepare-received');
    const { owner } = work;
    const vote = await this.voteOn(transaction, work).catch((error: unknown) => {
      const isOther = error instanceof TransactionSettled && error.state === 'different';
      throw isOther ? new PrepareDiffers(transaction.id, this.name, { cause: error }) : error;
    });
    if (vote.vote === 'yes') await reached('participant.prepared');
    // Nobody needs to wait for the others on its account.
    else void this.locks.release(owner);
    return vote;
  }

  override async commit(id: string): Promise<void> {
    await reached('participant.commit-received');
    const prepared = await this.log.toCommit(id);
    if (prepared) await runInTenant(prepared.tenant, () => this.commitPrepared(id, prepared));
    await reached('participant.committed');
  }

  override async abort(transaction: Pick<TransactionRef, 'id' | 'tenant' | 'coordinator'>): Promise<void> {
    await reached('participant.abort-received');
    await this.log.abort(transaction);
    await reached('participant.aborted');
  }

  override async status(id: string): Promise<ParticipantState> {
    return (await this.log.known(id)).state;
  }

  /** What has become of a transaction that is asked for with this content. Errors: PrepareDiffers. */
  async statusOf(id: string, content: Buffer): Promise<ParticipantState> {
    const known = await this.log.known(id);
    if (known.content && !known.content.equals(content)) throw new PrepareDiffers(id, this.name);
    return known.state;
  }

  override inDoubt(olderThanMs: number): Promise<PreparedTransaction[]> {
    return this.log.inDoubt(olderThanMs);
  }

  /** Those that outlive everything but their transaction. */
  async preparedLocks(): Promise<ListedLock[]> {
    return (await this.locks.locks()).filter(({ prepared }) => prepared);
  }

  /** See PrepareLog.forgetSettled. */
  forgetSettled(olderThanMs: number): Promise<void> {
    return this.log.forgetSettled(olderThanMs);
  }

  /** Makes it so that commitPrepared() cannot be refused. Errors: whatever stands against it. */
  protected abstract makeReady(transaction: TransactionRef, work: StoreWork): Promise<void>;

  /** In the tenant of the transaction. */
  protected abstract commitPrepared(id: string, prepared: Prepared): Promise<void>;

  /** Whether it is about this very store. */
  isOf(store: EventStore): boolean {
    return this.store === store;
  }

  /** Which of these events are there. */
  findEvents(ids: readonly string[], streams: readonly StreamName[]): Promise<RecordedEvent[]> {
    return this.store.findEvents([...ids], [...streams]);
  }

  private async voteOn(transaction: TransactionRef, work: StoreWork): Promise<Vote> {
    const { owner, requests } = work;
    return votingOn(async () => {
      if (requests.length === 0 && !transaction.keepLocks) {
        await this.database.transaction(() => this.locks.fence(owner));
        return { vote: 'read-only' };
      }
      if (requests.some(({ events }) => this.store.holdsPersonal(events))) {
        const message =
          'events with personal fields cannot be prepared, since they would be kept in the clear until the commit: record them by a command of that store alone, before or after, and refer to them by an id';
        return { vote: 'no', reason: { kind: 'refused', message, code: 'personal-data-not-prepared' } };
      }
      const complete = requests.length > 0 ? this.store.complete(...requests) : [];
      await this.makeReady(transaction, { ...work, requests: complete });
      return { vote: 'yes' };
    });
  }
}

const NEVER = new AbortController().signal;

/** What errors of a prepare say as votes. Errors: those after which nothing is known. */
export async function votingOn(prepare: () => Promise<Vote>): Promise<Vote> {
  try {
    return await prepare();
  } catch (error) {
    if (error instanceof TransactionSettled) {
      if (error.state === 'prepared') return { vote: 'yes' };
      if (error.state === 'different') throw error;
    }
    if (!(error instanceof ConcordError) || UNKNOWN.some((kind) => error instanceof kind)) throw error;
    return { vote: 'no', reason: { kind: kindOf(error), message: error.message, code: error.code } };
  }
}

function kindOf(error: ConcordError): 'conflict' | 'refused' | 'repeated' | 'settled' {
  if (error instanceof TransactionSettled) return error.state === 'repeated' ? 'repeated' : 'settled';
  return PASSING.some((kind) => error instanceof kind) ? 'conflict' : 'refused';
}
