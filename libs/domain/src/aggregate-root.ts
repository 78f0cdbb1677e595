// An aggregate is one stream and one transactional boundary. It decides events; storing them is somebody else's work.
import { type DomainEvent, NO_REVISION, streamName, type StreamName, type StreamPosition } from '@concord/kernel';

/** How an aggregate class is found and made: its category names its streams. */
export interface AggregateType<Aggregate extends AnyAggregate> {
  readonly category: string;
  /** Without: always replayed from its first event. */
  readonly snapshots?: SnapshotPolicy;
  new (id: string): Aggregate;
}

/**
 * When the state of an aggregate is stored, to spare the reading of the events behind it. The state must be JSON. Raise
 * `version` whenever the state, or what evolve makes of an event, has changed: snapshots of other versions are ignored.
 */
export interface SnapshotPolicy {
  /** After so many events. */
  readonly every: number;
  readonly version: number;
}

/** Any aggregate, whatever its events and state. */
export type AnyAggregate = AggregateRoot<DomainEvent, unknown>;

/**
 * Base of aggregates. A subclass has a static `category`, an initial state, a pure `evolve`, and one method per
 * decision, which checks its invariants and records what happened. Time and ids arrive with the command.
 */
export abstract class AggregateRoot<Event extends DomainEvent, State> {
  // Made at first use and not in the constructor, where a subclass has no fields yet.
  private current: { state: State } | undefined;
  private lastRevision = NO_REVISION;
  private decided: Event[] = [];

  constructor(readonly id: string) {}

  /** The state before the first event. */
  protected abstract initialState(): State;

  /** The state after one more event: pure, total, and without any check, because what is recorded has happened. */
  protected abstract evolve(state: State, event: Event): State;

  /** The present state, decided events included. */
  get state(): State {
    this.current ??= { state: this.initialState() };
    return this.current.state;
  }

  /** The stream position of the last recorded event; -1n when there is none. Decided events do not move it. */
  get revision(): StreamPosition {
    return this.lastRevision;
  }

  /** Whether any event was ever recorded. */
  get exists(): boolean {
    return this.lastRevision > NO_REVISION;
  }

  /** The stream of this aggregate: `category-id`. */
  get stream(): StreamName {
    return streamName((this.constructor as AggregateType<AnyAggregate>).category, this.id);
  }

  /** Events that were decided and not yet appended, in order. */
  get decidedEvents(): readonly Event[] {
    return this.decided;
  }

  /** Starts from a stored state instead of the initial one: that after the event at `revision`. */
  restore(state: unknown, revision: StreamPosition): this {
    this.current = { state: state as State };
    this.lastRevision = revision;
    return this;
  }

  /**
   * Applies recorded events, oldest first. Never checks an invariant. `revision` is where the stream ends, when that is
   * not the number of events: retention may have taken the first ones.
   */
  replay(events: Iterable<Event>, revision?: StreamPosition): this {
    for (const event of events) {
      this.current = { state: this.evolve(this.state, event) };
      this.lastRevision += 1n;
    }
    if (revision !== undefined) this.lastRevision = revision;
    return this;
  }

  /** Takes the decided events as recorded, once the store has them. */
  markRecorded(): void {
    this.lastRevision += BigInt(this.decided.length);
    this.decided = [];
  }

  /** Adds an event to what was decided, and applies it. */
  protected record(event: Event): void {
    this.current = { state: this.evolve(this.state, event) };
    this.decided.push(event);
  }
}
