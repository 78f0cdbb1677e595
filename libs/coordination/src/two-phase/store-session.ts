// What a transaction does in one store: aggregates are loaded under locks, which are held until after the outcome, and what
// they decide is the store's part of the transaction.
import type { AggregateType, AnyAggregate } from '@concord/domain';
import type { AppendRequest, AppendResult, EventStore, LoadedStream } from '@concord/event-store';
import {
  currentMessage,
  type GlobalPosition,
  NO_REVISION,
  streamName,
  type StreamName,
  type StreamPosition,
} from '@concord/kernel';
import type { LockMode, LockOwner, LockService } from '@concord/locking';

/** What a store is asked to prepare. */
export interface StoreWork {
  readonly owner: LockOwner;
  /** None: it was only read. */
  readonly requests: readonly AppendRequest[];
  /** A hash of what was asked from outside: under one id nothing else is prepared. */
  readonly content?: Buffer;
  /** Told what the commit has appended, where this process is told to commit. */
  readonly appended?: (results: readonly AppendResult[]) => void;
}

/** A stream that a transaction has changed, and its revision since. */
export interface ChangedInStore {
  readonly participant: string;
  readonly stream: StreamName;
  readonly revision: StreamPosition;
  /** Of its last event in its store; undefined: that store has not acknowledged the commit yet. */
  readonly position: GlobalPosition | undefined;
}

/** How long to wait for a lock. */
export interface LoadOptions {
  /** 10 seconds by default. */
  readonly waitMs?: number;
}

interface Loaded {
  readonly aggregate: AnyAggregate;
  readonly isRead: boolean;
}

/** One store within a transaction. Errors of all loads: OwnerWounded, LeaseLost, LockWaitTimeout, and those of reading. */
export class StoreSession {
  private readonly loaded = new Map<StreamName, Promise<Loaded>>();
  private readonly kept: Loaded[] = [];
  private readonly positions = new Map<StreamName, GlobalPosition>();

  constructor(
    private readonly store: EventStore,
    private readonly locks: LockService,
    readonly owner: LockOwner,
  ) {}

  /** Locks and loads an aggregate to change it; one without events is new. */
  async load<A extends AnyAggregate>(type: AggregateType<A>, id: string, options?: LoadOptions): Promise<A> {
    return (await this.take(type, id, 'X', options)) as A;
  }

  /** Locks, shared, and loads an aggregate that is only read: what it decides is refused. */
  async read<A extends AnyAggregate>(type: AggregateType<A>, id: string, options?: LoadOptions): Promise<A> {
    return (await this.take(type, id, 'S', options)) as A;
  }

  /** What was decided, in the order of the loads. `idOf` names the n-th event; `said` goes into the metadata of each. */
  work(idOf: (index: number) => string, said: Readonly<Record<string, unknown>>): StoreWork {
    let index = 0;
    const requests = this.kept
      .filter(({ aggregate }) => aggregate.decidedEvents.length > 0)
      .map(({ aggregate, isRead }): AppendRequest => {
        if (isRead) throw new Error(`"${aggregate.stream}" was loaded with read() and has decided: use load()`);
        const metadata = { ...currentMessage(), ...said };
        return {
          stream: aggregate.stream,
          expected: aggregate.revision === NO_REVISION ? 'no-stream' : aggregate.revision,
          events: aggregate.decidedEvents.map((event) => ({ ...event, id: idOf(index++), metadata })),
        };
      });
    const appended = (results: readonly AppendResult[]): void => {
      for (const { stream, globalPosition } of results) this.positions.set(stream, globalPosition);
    };
    return { owner: this.owner, requests, appended };
  }

  /** Of what was changed, once it is committed. */
  positionOf(stream: StreamName): GlobalPosition | undefined {
    return this.positions.get(stream);
  }

  /** What was locked, and may have been changed before by a twin. */
  get streams(): StreamName[] {
    return [...this.loaded.keys()];
  }

  /** Gives up what is not prepared. */
  release(): void {
    void this.locks.release(this.owner);
  }

  private async take<A extends AnyAggregate>(
    type: AggregateType<A>,
    id: string,
    mode: LockMode,
    options: LoadOptions = {},
  ): Promise<AnyAggregate> {
    const stream = streamName(type.category, id);
    const known = this.loaded.get(stream);
    if (known) return this.again(await known, stream, mode, options);
    const loading = this.loadUnder(type, stream, mode, options);
    loading.catch(() => undefined);
    this.loaded.set(stream, loading);
    return (await loading).aggregate;
  }

  /** Of each stream there is one aggregate. One that was read and is now to be changed has not changed meanwhile. */
  private async again(known: Loaded, stream: StreamName, mode: LockMode, options: LoadOptions): Promise<AnyAggregate> {
    if (!known.isRead || mode === 'S') return known.aggregate;
    await this.acquire(stream, mode, options);
    const changed = { ...known, isRead: false };
    this.kept[this.kept.indexOf(known)] = changed;
    this.loaded.set(stream, Promise.resolve(changed));
    return known.aggregate;
  }

  private async loadUnder<A extends AnyAggregate>(
    type: AggregateType<A>,
    stream: StreamName,
    mode: LockMode,
    options: LoadOptions,
  ): Promise<Loaded> {
    await this.acquire(stream, mode, options);
    const aggregate = await this.hydrate(type, stream, type.snapshots?.version);
    const loaded = { aggregate, isRead: mode === 'S' };
    this.kept.push(loaded);
    return loaded;
  }

  private async acquire(stream: StreamName, mode: LockMode, options: LoadOptions): Promise<void> {
    const acquired = await this.locks.acquire(this.owner, [{ stream, mode }], options);
    if (acquired.outcome === 'refused') throw acquired.error;
  }

  /** A snapshot that the class cannot go on from is as good as none. */
  private async hydrate<A extends AnyAggregate>(
    type: AggregateType<A>,
    stream: StreamName,
    version?: number,
  ): Promise<A> {
    const { events, revision, snapshot } = await this.stateOf(stream, version);
    const aggregate = new type(stream.slice(type.category.length + 1));
    try {
      if (snapshot) aggregate.restore(snapshot.state, snapshot.revision);
      return aggregate.replay(events, revision);
    } catch (error) {
      if (!snapshot) throw error;
      return this.hydrate(type, stream);
    }
  }

  private async stateOf(
    stream: StreamName,
    version?: number,
  ): Promise<Pick<LoadedStream, 'events' | 'revision' | 'snapshot'>> {
    if (this.store.unlocked) return this.store.unlocked.load(stream, version);
    const events = await Array.fromAsync(this.store.readStream(stream));
    return { events, revision: events.at(-1)?.streamPosition ?? NO_REVISION };
  }
}
