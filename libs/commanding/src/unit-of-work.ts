// What one command touches: aggregates loaded under their locks, and the events they decided, appended at its end.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { AggregateType, AnyAggregate } from '@concord/domain';
import type { AppendRequest, AppendResult, EventStore, LoadedStream } from '@concord/event-store';
import { derivedIdOf, NO_REVISION, streamName, type StreamName } from '@concord/kernel';
import { policyOf, Snapshots } from './snapshots.js';
import type { SentCommand } from './sent-command.js';

const running = new AsyncLocalStorage<UnitOfWork>();

/** The id of the n-th event of a command: the same at every attempt, so that a repeat is recognised by the store. */
export function commandEventId(commandId: string, index: number): string {
  return derivedIdOf(commandId, 'command', index.toString());
}

/** Where an event's metadata keeps the fingerprint of its command. */
export const FINGERPRINT = 'commandFingerprint';

export class UnitOfWork {
  private readonly aggregates = new Map<StreamName, AnyAggregate>();
  private readonly snapshots: Snapshots;

  constructor(
    private readonly store: EventStore,
    private readonly sent: SentCommand,
  ) {
    this.snapshots = new Snapshots(store);
  }

  /** The unit of work of the running command, if any. */
  static get current(): UnitOfWork | undefined {
    return running.getStore();
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    return running.run(this, work);
  }

  /** Locks and loads, in one round trip, what is not loaded yet. */
  async load<A extends AnyAggregate>(type: AggregateType<A>, ids: readonly string[]): Promise<A[]> {
    const streams = ids.map((id) => streamName(type.category, id));
    const missing = [...new Set(streams)].filter((stream) => !this.aggregates.has(stream));
    if (missing.length > 0) {
      for (const stream of missing) this.sent.touched.add(stream);
      const loaded = await this.store.lockAndLoad(missing, policyOf(type)?.version);
      for (const [stream, recorded] of loaded) this.aggregates.set(stream, await this.replayed(type, stream, recorded));
    }
    return streams.map((stream) => this.aggregates.get(stream) as A);
  }

  /** A snapshot that the class cannot go on from is as good as none. */
  private async replayed<A extends AnyAggregate>(
    type: AggregateType<A>,
    stream: StreamName,
    recorded: LoadedStream,
  ): Promise<A> {
    const { events, revision, snapshot } = recorded;
    const aggregate = new type(stream.slice(type.category.length + 1));
    try {
      if (snapshot) aggregate.restore(snapshot.state, snapshot.revision);
      aggregate.replay(events, revision);
    } catch (error) {
      const whole = snapshot && (await this.store.lockAndLoad([stream])).get(stream);
      if (!whole) throw error;
      return this.replayed(type, stream, whole);
    }
    this.snapshots.loaded(aggregate, recorded);
    return aggregate;
  }

  /** Whether there is anything to append. */
  get hasDecided(): boolean {
    return this.changed.length > 0;
  }

  /** What will be appended to. */
  get changedStreams(): StreamName[] {
    return this.changed.map((aggregate) => aggregate.stream);
  }

  /** Stores what is due of the states that these results have reached, and does not wait for it. */
  takeSnapshots(results: readonly AppendResult[]): void {
    this.snapshots.take(results);
  }

  /** Appends all that was decided, in the order in which the aggregates were loaded: all or nothing. */
  async append(): Promise<AppendResult[]> {
    const { changed } = this;
    const { id: commandId, fingerprint } = this.sent;
    let index = 0;
    const requests = changed.map((aggregate): AppendRequest => ({
      stream: aggregate.stream,
      expected: aggregate.revision === NO_REVISION ? 'no-stream' : aggregate.revision,
      events: aggregate.decidedEvents.map((event) => ({
        ...event,
        id: commandEventId(commandId, index++),
        ...(fingerprint !== undefined && { metadata: { [FINGERPRINT]: fingerprint } }),
      })),
    }));
    const results = await this.store.append(...requests);
    for (const aggregate of changed) aggregate.markRecorded();
    return results;
  }

  private get changed(): AnyAggregate[] {
    return [...this.aggregates.values()].filter((aggregate) => aggregate.decidedEvents.length > 0);
  }
}
