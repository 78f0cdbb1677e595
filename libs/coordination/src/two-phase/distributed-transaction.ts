// What a transaction's work is given: the stores it may load from, and a way to enlist others.
import { derivedIdOf, InvalidArgument, NO_REVISION, type StreamName } from '@concord/kernel';
import type { Branch } from './commit-protocol.js';
import type { Participant, TransactionRef } from './participant.js';
import { StoreParticipant } from './store-participant.js';
import type { ChangedInStore, StoreSession, StoreWork } from './store-session.js';

/** One attempt of a transaction, until its work has returned. */
export class DistributedTransaction {
  private readonly sessions = new Map<string, { participant: StoreParticipant; session: StoreSession }>();
  private readonly enlisted = new Map<string, Branch>();

  constructor(
    /** As participants know it. */
    readonly ref: TransactionRef,
    private readonly participants: ReadonlyMap<string, Participant>,
    /** Of the n-th event in a participant: the same at every attempt. */
    private readonly eventId: (participant: string, index: number) => string,
    /** In the metadata of each event. */
    private readonly metadata: Readonly<Record<string, unknown>> = {},
  ) {}

  /** The part of this transaction in a store. Errors: InvalidArgument, where no store has that name. */
  store(name: string): StoreSession {
    const known = this.sessions.get(name);
    if (known) return known.session;
    const participant = this.find(name);
    if (!(participant instanceof StoreParticipant)) {
      throw new InvalidArgument(`participant "${name}" is no store: use enlist("${name}", what it is to do)`);
    }
    const session = participant.open(this.ref.age);
    this.sessions.set(name, { participant, session });
    return session;
  }

  /** Gives a participant that is no store its work, once: it is sent with the prepare. Errors: InvalidArgument. */
  enlist(name: string, work: unknown): void {
    const participant = this.find(name);
    if (participant instanceof StoreParticipant) {
      throw new InvalidArgument(`participant "${name}" is a store: load what you change by store("${name}")`);
    }
    if (this.enlisted.has(name)) throw new InvalidArgument(`participant "${name}" has its work already`);
    this.enlisted.set(name, { participant, work, isReadOnly: false });
  }

  /** What is to be prepared. */
  branches(): Branch[] {
    const stores = [...this.sessions].map(([name, { participant, session }]): Branch => {
      const work = session.work((index) => this.eventId(name, index), {
        ...this.metadata,
        transactionId: this.ref.id,
      });
      return { participant, work, isReadOnly: work.requests.length === 0 };
    });
    return [...stores, ...this.enlisted.values()];
  }

  /** What those change in stores, once they are committed. */
  changed(branches: readonly Branch[]): ChangedInStore[] {
    return branches.flatMap(({ participant, work }) => {
      if (!(participant instanceof StoreParticipant)) return [];
      return (work as StoreWork).requests.map(({ stream, expected, events }) => ({
        participant: participant.name,
        stream,
        revision: (typeof expected === 'bigint' ? expected : NO_REVISION) + BigInt(events.length),
        position: this.sessions.get(participant.name)?.session.positionOf(stream),
      }));
    });
  }

  /** Stores that it has loaded from, and which streams. */
  get loaded(): { readonly participant: StoreParticipant; readonly streams: readonly StreamName[] }[] {
    return [...this.sessions.values()].map(({ participant, session }) => ({ participant, streams: session.streams }));
  }

  /** Gives up whatever is not prepared. */
  release(): void {
    for (const { session } of this.sessions.values()) session.release();
  }

  private find(name: string): Participant {
    const participant = this.participants.get(name);
    if (participant) return participant;
    const names = [...this.participants.keys()].join(', ') || 'none';
    throw new InvalidArgument(`there is no participant "${name}": this coordinator has ${names}`);
  }
}

/** Event ids of a transaction that the caller has named. */
export function eventIdsOf(id: string): (participant: string, index: number) => string {
  return (participant, index) => derivedIdOf(id, 'transaction', participant, index.toString());
}
