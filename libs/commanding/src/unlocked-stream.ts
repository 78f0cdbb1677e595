// One command that runs without a transaction: it has its turn in the mailbox of its one stream, and its append is all that
// is committed. What needs more (a second stream, the database) runs again, in a transaction and under locks.
import { CommitUnknown, DatabaseUnavailable, TransactionNeeded } from '@concord/database';
import type { AggregateType, AnyAggregate } from '@concord/domain';
import type { AppendRequest, AppendResult } from '@concord/event-store';
import type { StreamName } from '@concord/kernel';
import type { Mailbox, Turn } from './mailbox.js';
import type { Mailboxes } from './mailboxes.js';
import type { Streams } from './unit-of-work.js';

export class UnlockedStream implements Streams {
  private mailbox: Mailbox | undefined;
  private turn: Turn | undefined;
  private hasLeft = false;
  /** It wanted more than one stream. */
  needsLocks = false;
  /** Its stream has metadata or was deleted: what was decided earlier may not hold now. */
  isShortened = false;

  /** Whether its aggregate was in memory. */
  get wasWarm(): boolean {
    return this.turn?.isFresh === false;
  }

  constructor(private readonly mailboxes: Mailboxes) {}

  async load<A extends AnyAggregate>(
    type: AggregateType<A>,
    streams: readonly StreamName[],
  ): Promise<Map<StreamName, A>> {
    const [stream] = streams;
    if (!stream || streams.length > 1 || this.mailbox) {
      this.needsLocks = true;
      throw new TransactionNeeded('this command touches several streams: it runs again, under locks');
    }
    this.mailbox = this.mailboxes.of(stream);
    this.turn = await this.mailbox.enter(type);
    if (this.hasLeft) {
      // Nobody waited for it: without a turn, the aggregate is not to be touched.
      this.mailbox.leave();
      throw new Error(`the command ended before "${stream}" was loaded: its handler has to await every load`);
    }
    this.isShortened = this.turn.isShortened;
    if (this.isShortened) throw new TransactionNeeded(`"${stream}" has metadata: this command runs again, under locks`);
    return new Map([[stream, this.turn.aggregate as A]]);
  }

  /** Ends the turn. */
  async append([request]: readonly AppendRequest[]): Promise<AppendResult[]> {
    const { mailbox, turn } = this;
    if (!mailbox || !turn || !request) throw new Error('unreachable: what was decided was loaded');
    try {
      return [await mailbox.traced(request, (traced) => mailbox.append(turn, traced))];
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable)) throw error;
      throw new CommitUnknown('the connection was lost while appending', {}, { cause: error });
    }
  }

  /** Whether an outcome without events holds: what it was decided on is the latest. */
  async isConfirmed(): Promise<boolean> {
    return !this.mailbox || !this.turn || this.mailbox.isConfirmed(this.turn);
  }

  /** Ends the turn; one that is still waited for, as soon as it comes. */
  leave(): void {
    this.hasLeft = true;
    if (this.turn) this.mailbox?.leave();
  }
}
