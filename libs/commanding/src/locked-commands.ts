// Runs commands under the lock service. They decide without a transaction, and commit in one that is refused unless their locks
// are held still. A handler that uses the database needs its transaction from the beginning, and so does whoever met a conflict
// with commands that take no locks: then the streams are locked in the store as well. Either way a lock is waited for without
// a connection.
import { TransactionNeeded } from '@concord/database';
import { LeaseLost, LockWaitTimeout, OwnerWounded } from '@concord/locking';
import type { AppendResult, EventStore, UnlockedCommands as Unlocked } from '@concord/event-store';
import type { CommandLocks } from './command-locks.js';
import type { Executed } from './executed.js';
import { type FencedCommands, FencedStreams } from './fenced-streams.js';
import type { HandlerDeclarations } from './isolation.js';
import { LockedStreams } from './locked-streams.js';
import type { SentCommand } from './sent-command.js';
import type { KeptWithSnapshots } from './snapshots.js';
import { UnitOfWork } from './unit-of-work.js';

/** A command's attempt. */
export interface LockedAttempt<Value> {
  readonly commandClass: object;
  readonly sent: SentCommand;
  readonly locks: CommandLocks;
  readonly declared: HandlerDeclarations;
  /** Others that take no locks were faster: what is read is to stay as it is from then on. */
  readonly holdsFast: boolean;
  readonly handle: () => Promise<Value>;
  /** Nothing is committed with its events. */
  readonly commitsAlone: boolean;
  /** Appends what was decided, and all that goes with it, in the running transaction. */
  readonly record: (unitOfWork: UnitOfWork) => Promise<Appending>;
}

/** An append that may still be under way, and then travels with the commit. */
export interface Appending {
  readonly appended: Promise<AppendResult[]>;
}

/** What the attempt came to; committed. */
export interface Committed<Value> {
  readonly executed: Executed<Value>;
  /** What may be kept of its stream, if it was about one. */
  readonly kept: KeptWithSnapshots | undefined;
}

export class LockedCommands {
  /** Command classes whose handlers use the database. */
  private readonly needTransaction = new WeakSet();

  constructor(
    private readonly store: EventStore,
    private readonly unlocked: Unlocked,
    private readonly fenced: FencedCommands,
  ) {}

  async execute<Value>(attempt: LockedAttempt<Value>): Promise<Committed<Value>> {
    try {
      if (!attempt.holdsFast && !this.needTransaction.has(attempt.commandClass)) {
        const committed = await this.decideFirst(attempt);
        if (committed) return committed;
      }
      return await this.inTransaction(attempt);
    } finally {
      attempt.locks.release();
    }
  }

  /** Undefined: it needs a transaction. */
  private async decideFirst<Value>(attempt: LockedAttempt<Value>): Promise<Committed<Value> | undefined> {
    const { sent, locks, declared, commandClass } = attempt;
    await locks.begin();
    const { store, unlocked, fenced } = this;
    const streams = new FencedStreams({ store, unlocked, fenced }, locks, attempt.commitsAlone);
    const unitOfWork = new UnitOfWork(streams, sent, declared);
    const [outcome] = await Promise.allSettled([unlocked.tentatively(() => unitOfWork.run(attempt.handle))]);
    if (streams.isShortened) return undefined;
    if (outcome.status === 'rejected') {
      if (outcome.reason instanceof TransactionNeeded) {
        this.needTransaction.add(commandClass);
        return undefined;
      }
      if (!isRefusal(outcome.reason)) await streams.confirm();
      throw outcome.reason;
    }
    const { value } = outcome;
    if (!unitOfWork.hasDecided) {
      await streams.confirm();
      return { executed: { value, appended: Promise.resolve([]) }, kept: undefined };
    }
    await unitOfWork.upgrading;
    if (attempt.commitsAlone) {
      const appended = await unitOfWork.append();
      return { executed: { value, appended: Promise.resolve(appended) }, kept: streams.committed(appended) };
    }
    const { appended } = await store.transaction(async () => {
      const fenced = streams.fence(unitOfWork.changedStreams);
      try {
        return await attempt.record(unitOfWork);
      } catch (error) {
        await fenced;
        throw error;
      }
    });
    return { executed: { value, appended }, kept: streams.committed(await appended) };
  }

  private async inTransaction<Value>(attempt: LockedAttempt<Value>): Promise<Committed<Value>> {
    const { sent, locks, declared, handle, record } = attempt;
    await locks.begin();
    const streams = new LockedStreams(this.store, locks);
    const executed = await this.store.transaction(async () => {
      const unitOfWork = new UnitOfWork(streams, sent, declared);
      const value = await unitOfWork.run(handle);
      if (!unitOfWork.hasDecided) return { value, appended: Promise.resolve([]) };
      await unitOfWork.upgrading;
      return { value, ...(await record(unitOfWork)) };
    });
    return { executed, kept: streams.committed(await executed.appended) };
  }
}

/** It was not decided on anything. */
function isRefusal(error: unknown): boolean {
  return error instanceof LockWaitTimeout || error instanceof OwnerWounded || error instanceof LeaseLost;
}
