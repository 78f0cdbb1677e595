// Runs commands that touch one stream without a transaction: decide in the stream's mailbox, append, done. Undefined is the
// answer where that was not enough, and the command has to run again under locks.
import { TransactionNeeded } from '@concord/database';
import type { EventStore, UnlockedCommands as Unlocked } from '@concord/event-store';
import type { StreamName } from '@concord/kernel';
import type { Executed } from './executed.js';
import { Mailboxes } from './mailboxes.js';
import type { SentCommand } from './sent-command.js';
import { UnitOfWork } from './unit-of-work.js';
import { UnlockedStream } from './unlocked-stream.js';

const MOST_AGGREGATES = 10_000;

export class UnlockedCommands {
  private readonly mailboxes: Mailboxes;
  /** Command classes that wanted more: they run under locks from the beginning. */
  private readonly needLocks = new WeakSet();

  constructor(
    store: EventStore,
    private readonly unlocked: Unlocked,
  ) {
    this.mailboxes = new Mailboxes(store, unlocked, MOST_AGGREGATES);
  }

  async execute<Value>(
    commandClass: object,
    sent: SentCommand,
    handle: () => Promise<Value>,
  ): Promise<Executed<Value> | undefined> {
    if (this.needLocks.has(commandClass)) return undefined;
    const stream = new UnlockedStream(this.mailboxes);
    const unitOfWork = new UnitOfWork(stream, sent);
    const [outcome] = await Promise.allSettled([this.unlocked.tentatively(() => unitOfWork.run(handle))]);
    if (stream.needsLocks || (outcome.status === 'rejected' && outcome.reason instanceof TransactionNeeded)) {
      stream.leave();
      this.needLocks.add(commandClass);
      return undefined;
    }
    if (outcome.status === 'fulfilled' && unitOfWork.hasDecided) {
      const appended = unitOfWork.append();
      appended.catch(() => undefined);
      stream.leave();
      return { value: outcome.value, appended };
    }
    // Nothing to append, which would have been checked: was it decided on the latest?
    const confirmed = stream.isConfirmed();
    stream.leave();
    if (!(await confirmed)) return undefined;
    if (outcome.status === 'rejected') throw outcome.reason;
    return { value: outcome.value, appended: Promise.resolve([]) };
  }

  /** These streams were changed under locks. */
  forget(streams: readonly StreamName[]): void {
    this.mailboxes.forget(streams);
  }
}
