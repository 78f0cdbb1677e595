// Snapshots of aggregates: taken from a command's aggregates once it has committed, used at the next load. Never needed: a
// load without them gives the same state.
import type { AggregateType, AnyAggregate, SnapshotPolicy } from '@concord/domain';
import type { AppendResult, EventStore, LoadedStream, Snapshot } from '@concord/event-store';
import type { Kept } from './kept.js';
import { assertExactJson, type DomainEvent, InvalidArgument, type StreamName } from '@concord/kernel';

const checked = new WeakMap<object, SnapshotPolicy>();

/** The policy of a class, checked at its first use. Errors: InvalidArgument, for numbers or a state that cannot be. */
export function policyOf(type: AggregateType<AnyAggregate>): SnapshotPolicy | undefined {
  const { snapshots: policy } = type;
  if (!policy || checked.get(type) === policy) return policy;
  for (const name of ['every', 'version'] as const) {
    if (!Number.isInteger(policy[name]) || policy[name] < 1 || policy[name] > 2 ** 31 - 1) {
      throw new InvalidArgument(`${type.name}.snapshots.${name} is a whole number from 1 to 2147483647`);
    }
  }
  assertState(type.name, new type('snapshot').state);
  checked.set(type, policy);
  return policy;
}

/** What was loaded, and which snapshots it is time for. */
export class Snapshots {
  private readonly bases = new Map<StreamName, Base>();

  constructor(private readonly store: EventStore) {}

  loaded(aggregate: AnyAggregate, { first, revision, snapshot, holdsPersonal = false }: LoadedStream): void {
    this.bases.delete(aggregate.stream);
    // Of the next events retention would hide some, which the aggregate has applied.
    if (first > revision + 1n) return;
    const policy = policyOf(aggregate.constructor as AggregateType<AnyAggregate>);
    const taken = snapshot?.revision ?? first - 1n;
    if (policy) this.bases.set(aggregate.stream, { policy, first, taken, holdsPersonal });
  }

  /** Notes the state of a stream that is about to be appended with these events, if it is time for it. */
  decided(stream: StreamName, { type, state, revision }: Kept, events: readonly DomainEvent[]): void {
    const base = this.bases.get(stream);
    if (!base) return;
    base.holdsPersonal ||= this.store.holdsPersonal(events);
    if (base.due || revision - base.taken < BigInt(base.policy.every)) return;
    // It would keep in the clear what can be forgotten everywhere else.
    if (base.holdsPersonal) return tellOnce(type);
    base.due = { of: type.name, state, version: base.policy.version, revision, first: base.first };
  }

  /** Call it when the results are committed. Nobody waits for it, and a failure is only told. */
  take(results: readonly AppendResult[]): void {
    for (const { stream, revision, events } of results) {
      const base = this.bases.get(stream);
      const due = base?.due;
      if (!due || (events.length > 0 && revision < due.revision)) continue;
      base.due = undefined;
      // A repeat added nothing: what the aggregate has applied is not what is recorded.
      if (events.length === 0) continue;
      base.taken = due.revision;
      this.save(stream, due);
    }
  }

  private save(stream: StreamName, { of, ...snapshot }: Due): void {
    const saved = async (): Promise<void> => {
      assertState(of, snapshot.state);
      await this.store.saveSnapshot(stream, snapshot);
    };
    saved().catch((error: unknown) => process.emitWarning(String(error), 'ConcordSnapshot'));
  }
}

/** What was kept of an aggregate, and what is known of its snapshots. */
export interface KeptWithSnapshots extends Kept {
  readonly snapshots: Snapshots;
}

interface Base {
  readonly policy: SnapshotPolicy;
  readonly first: bigint;
  /** The last event of the newest snapshot. */
  taken: bigint;
  /** Whether personal fields went into its state. */
  holdsPersonal: boolean;
  /** To be stored when its last event is. */
  due?: Due | undefined;
}

interface Due extends Snapshot {
  /** The name of the class. */
  readonly of: string;
}

const told = new WeakSet();

function tellOnce(type: AggregateType<AnyAggregate>): void {
  if (told.has(type)) return;
  told.add(type);
  const message = `${type.name} has events with personal fields: no snapshots are taken of it, it is replayed whole`;
  process.emitWarning(message, 'ConcordSnapshot');
}

function assertState(name: string, state: unknown): void {
  try {
    if (state === undefined) throw new InvalidArgument('state is undefined');
    assertExactJson(state, 'state');
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new InvalidArgument(`${name} has snapshots, so its state must be JSON: ${problem}`, {}, { cause });
  }
}
