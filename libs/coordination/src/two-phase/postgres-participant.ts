// The event store on PostgreSQL as a participant: locks, prepared events and events are in one database, so that its commit
// is one transaction.
import type { InlineProjections } from '@concord/commanding';
import { CommitUnknown, DatabaseUnavailable } from '@concord/database';
import type { AppendRequest, AppendResult } from '@concord/event-store';
import { setTimeout as sleep } from 'node:timers/promises';
import { TransactionInDoubt } from './errors.js';
import { reached } from './failpoints.js';
import { inOrder } from './in-order.js';
import type { TransactionRef, Vote } from './participant.js';
import type { Prepared } from './prepare-log.js';
import { StoreParticipant, type StoreParticipantOptions, votingOn } from './store-participant.js';
import type { StoreWork } from './store-session.js';

const REPEATED: Vote = { vote: 'no', reason: { kind: 'repeated', message: 'its events are there already' } };
const LOOK_WITHIN_MS = 10_000;
const LOOK_AGAIN_MS = 100;

/** A PostgresEventStore that takes part in transactions; `database` is the store's. */
export class PostgresParticipant extends StoreParticipant {
  private readonly inline: InlineProjections | undefined;

  /** `inline`: of the app whose store it is; their rows change with the commit. */
  constructor({ inline, ...options }: StoreParticipantOptions & { readonly inline?: InlineProjections | undefined }) {
    super(options);
    this.inline = inline;
  }

  override async commitAlone(transaction: TransactionRef, work: StoreWork): Promise<Vote> {
    await reached('participant.prepare-received');
    const vote = await votingOn(() => this.appendFenced(work)).catch((error: unknown) => {
      if (error instanceof CommitUnknown || error instanceof DatabaseUnavailable)
        return this.lookFor(transaction, work);
      throw error;
    });
    if (vote.vote === 'yes') await reached('participant.committed');
    return vote;
  }

  protected override async makeReady(transaction: TransactionRef, { owner, ...work }: StoreWork): Promise<void> {
    await this.log.prepare(transaction, owner, { ...work, elsewhere: false });
  }

  protected override async commitPrepared(id: string, prepared: Prepared): Promise<void> {
    let results: readonly AppendResult[] = [];
    const append = async (): Promise<void> => {
      results = await this.appendProjected(prepared.requests);
    };
    // None: only its locks were to be kept.
    const isAlone = this.inline?.isActive ?? false;
    await this.log.commit(id, prepared, prepared.requests.length > 0 ? { append, isAlone } : {});
    prepared.appended?.(results);
  }

  private async appendFenced({ owner, requests, appended }: StoreWork): Promise<Vote> {
    const [, results] = await this.database.transaction(() =>
      inOrder([this.locks.fence(owner), this.appendProjected(requests)]),
    );
    appended?.(results);
    if (results.some(({ events }) => events.length > 0)) return { vote: 'yes' };
    return REPEATED;
  }

  /** With what inline projections make of it, in the running transaction. One that fails keeps the commit waiting. */
  private async appendProjected(requests: readonly AppendRequest[]): Promise<AppendResult[]> {
    const { inline } = this;
    if (!inline?.isActive) return this.store.append(...requests);
    const ready = inline.prepare(requests.map(({ stream }) => stream));
    const [, results] = await inOrder([ready, this.store.append(...requests)]);
    const added = results.flatMap(({ events }) => events);
    if (added.length > 0) await inline.project(added);
    return results;
  }

  /** The answer to the commit was lost. Under the locks of its streams, which the commit has, there is no doubt left. */
  private async lookFor({ id }: TransactionRef, { requests }: StoreWork): Promise<Vote> {
    const ids = requests.flatMap(({ events }) => events.map((event) => event.id));
    const streams = requests.map(({ stream }) => stream);
    for (const deadline = Date.now() + LOOK_WITHIN_MS; ;) {
      try {
        const found = await this.store.transaction(async () => {
          await this.store.lockAndLoad(streams);
          return this.store.findEvents(ids, streams);
        });
        // Those of an earlier attempt, or of another run under the same id, are there whatever has become of this one.
        if (found.some(({ metadata }) => metadata['transactionId'] === id)) return { vote: 'yes' };
        if (found.length > 0) return REPEATED;
        return { vote: 'no', reason: { kind: 'conflict', message: 'the connection was lost before the commit' } };
      } catch (cause) {
        if (Date.now() > deadline) throw new TransactionInDoubt(id, { cause });
        await sleep(LOOK_AGAIN_MS);
      }
    }
  }
}
