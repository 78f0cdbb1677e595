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
  private visit: { readonly mailbox: Mailbox; readonly turn: Turn } | undefined;
  private hasEntered = false;
  /** It wanted more than one stream. */
  needsLocks = false;

  constructor(private readonly mailboxes: Mailboxes) {}

  async load<A extends AnyAggregate>(
    type: AggregateType<A>,
    streams: readonly StreamName[],
  ): Promise<Map<StreamName, A>> {
    const [stream] = streams;
    if (!stream || streams.length > 1 || this.hasEntered) {
      this.needsLocks = true;
      throw new TransactionNeeded('this command touches several streams: it runs again, under locks');
    }
    this.hasEntered = true;
    const mailbox = this.mailboxes.of(stream);
    const turn = await mailbox.enter(type);
    this.visit = { mailbox, turn };
    return new Map([[stream, turn.aggregate as A]]);
  }

  async append([request]: readonly AppendRequest[]): Promise<AppendResult[]> {
    if (!this.visit || !request) throw new Error('unreachable: what was decided was loaded');
    const { mailbox, turn } = this.visit;
    try {
      return [await mailbox.traced(request, (traced) => mailbox.append(turn, traced))];
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable)) throw error;
      throw new CommitUnknown('the connection was lost while appending', {}, { cause: error });
    }
  }

  /** Whether an outcome without events holds: what it was decided on is the latest. */
  async isConfirmed(): Promise<boolean> {
    return !this.visit || this.visit.mailbox.isConfirmed(this.visit.turn);
  }

  leave(): void {
    this.visit?.mailbox.leave();
  }
}
