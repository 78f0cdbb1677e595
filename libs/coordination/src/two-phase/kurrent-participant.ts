// The event store on KurrentDB as a participant: locks and prepared events are in the PostgreSQL beside it, and its commit
// appends with the ids that were prepared, so that a repeat is harmless. What keeps others from the streams meanwhile is the
// lock service alone: who appends past it can make a commit impossible, which is told as a contradiction.
import { NO_REVISION, WrongExpectedVersion } from '@concord/kernel';
import type { AppendRequest } from '@concord/event-store';
import { TransactionSettled } from '@concord/database';
import { OutcomeContradicted } from './errors.js';
import type { TransactionRef } from './participant.js';
import type { Prepared } from './prepare-log.js';
import { StoreParticipant } from './store-participant.js';
import type { StoreWork } from './store-session.js';

/** A KurrentEventStore that takes part in transactions; `database` is the one beside it. */
export class KurrentParticipant extends StoreParticipant {
  protected override async makeReady(transaction: TransactionRef, { owner, ...work }: StoreWork): Promise<void> {
    // Under the locks, which the prepare then makes last: nobody who asks for them comes between.
    for (const request of work.requests) await this.assertExpected(transaction.id, request);
    await this.log.prepare(transaction, owner, { ...work, elsewhere: true });
  }

  protected override async commitPrepared(id: string, prepared: Prepared): Promise<void> {
    await this.log.commitElsewhere(id, prepared, () => this.appendPrepared(id, prepared));
  }

  private async appendPrepared(id: string, prepared: Prepared): Promise<void> {
    for (const request of prepared.requests) {
      try {
        prepared.appended?.([await this.store.append(request)].flat());
      } catch (error) {
        if (!(error instanceof WrongExpectedVersion)) throw error;
        if (await this.isThere(request)) continue;
        throw new OutcomeContradicted(id, this.name, `not to be appended any more (${error.message})`, 'committed');
      }
    }
  }

  /** Errors: WrongExpectedVersion, TransactionSettled (`repeated`). */
  private async assertExpected(id: string, request: AppendRequest): Promise<void> {
    const { stream, expected } = request;
    const [last] = await Array.fromAsync(this.store.readStream(stream, { direction: 'backwards', limit: 1 }));
    const revision = last?.streamPosition ?? NO_REVISION;
    if (revision === (expected === 'no-stream' ? NO_REVISION : expected)) return;
    if (await this.isThere(request)) throw new TransactionSettled(id, 'repeated');
    throw new WrongExpectedVersion(stream, expected, revision);
  }

  private async isThere({ stream, events }: AppendRequest): Promise<boolean> {
    const ids = events.map((event) => event.id);
    return (await this.store.findEvents(ids, [stream])).length === ids.length;
  }
}
