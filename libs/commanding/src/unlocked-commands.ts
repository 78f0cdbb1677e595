// Runs commands that touch one stream without a transaction: decide in the stream's mailbox, append, done. Undefined is the
// answer where that was not enough, and the command has to run again under locks.
import { TransactionNeeded } from '@concord/database';
import type { AppendResult, EventStore, UnlockedCommands as Unlocked } from '@concord/event-store';
import type { Executed } from './executed.js';
import { Mailboxes } from './mailboxes.js';
import type { SentCommand } from './sent-command.js';
import type { KeptWithSnapshots } from './snapshots.js';
import { UnitOfWork } from './unit-of-work.js';
import { UnlockedStream } from './unlocked-stream.js';

const MOST_AGGREGATES = 10_000;

export class UnlockedCommands {
  private readonly mailboxes: Mailboxes;
  /** Command classes that wanted more: they run under locks from the beginning. */
  private readonly needLocks = new WeakSet();
  /** Command classes whose last one found its stream in memory: the next one may, too. */
  private readonly findWarm = new WeakSet();
  private underWay = 0;

  constructor(
    store: EventStore,
    private readonly unlocked: Unlocked,
  ) {
    this.mailboxes = new Mailboxes(store, unlocked, MOST_AGGREGATES);
  }

  /** Counts `work`, a command, as under way. */
  async counted<T>(work: () => Promise<T>): Promise<T> {
    this.underWay += 1;
    try {
      return await work();
    } finally {
      this.underWay -= 1;
    }
  }

  /** Undefined: it has to run under locks. */
  async execute<Value>(
    commandClass: object,
    sent: SentCommand,
    handle: () => Promise<Value>,
  ): Promise<Executed<Value> | undefined> {
    if (!this.isWorthwhile(commandClass)) return undefined;
    const stream = new UnlockedStream(this.mailboxes);
    const unitOfWork = new UnitOfWork(stream, sent);
    const [outcome] = await Promise.allSettled([this.unlocked.tentatively(() => unitOfWork.run(handle))]);
    this.found(commandClass, stream.wasWarm);
    if (stream.isShortened) {
      stream.leave();
      return undefined;
    }
    if (stream.needsLocks || (outcome.status === 'rejected' && outcome.reason instanceof TransactionNeeded)) {
      stream.leave();
      this.needLocks.add(commandClass);
      return undefined;
    }
    if (outcome.status === 'fulfilled' && unitOfWork.hasDecided) {
      const appended = unitOfWork.append();
      appended.catch(() => undefined);
      return { value: outcome.value, appended };
    }
    // Nothing to append, which would have been checked: was it decided on the latest?
    const confirmed = stream.isConfirmed();
    stream.leave();
    if (!(await confirmed)) return undefined;
    if (outcome.status === 'rejected') throw outcome.reason;
    return { value: outcome.value, appended: Promise.resolve([]) };
  }

  /** Whether commands of this class touch several streams, or the database. */
  needsLocks(commandClass: object): boolean {
    return this.needLocks.has(commandClass);
  }

  /** This one did. */
  neededLocks(commandClass: object): void {
    this.needLocks.add(commandClass);
  }

  /** A command has committed under locks: what it leaves is kept in memory, if that can be. */
  committed(commandClass: object, results: readonly AppendResult[], kept: KeptWithSnapshots | undefined): void {
    const streams = results.map(({ stream }) => stream);
    const [stream] = streams;
    if (!stream || !kept || this.needLocks.has(commandClass)) return this.mailboxes.forget(streams);
    this.found(commandClass, this.mailboxes.isWarm(stream));
    this.mailboxes.of(stream).adopt(kept);
  }

  private isWorthwhile(commandClass: object): boolean {
    if (this.needLocks.has(commandClass)) return false;
    return this.underWay >= this.unlocked.worthFrom || this.findWarm.has(commandClass);
  }

  private found(commandClass: object, warm: boolean): void {
    if (warm) this.findWarm.add(commandClass);
    else this.findWarm.delete(commandClass);
  }
}
