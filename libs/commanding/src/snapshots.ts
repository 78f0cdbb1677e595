// Snapshots of aggregates: taken from a command's aggregates once it has committed, used at the next load. Never needed: a
// load without them gives the same state.
import type { AggregateType, AnyAggregate, SnapshotPolicy } from '@concord/domain';
import type { AppendResult, EventStore, LoadedStream, Snapshot } from '@concord/event-store';
import { assertExactJson, InvalidArgument, type StreamName } from '@concord/kernel';

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
    // Of the next events retention would hide some, which the aggregate has applied.
    if (first > revision + 1n) return;
    const policy = policyOf(aggregate.constructor as AggregateType<AnyAggregate>);
    const taken = snapshot?.revision ?? first - 1n;
    if (policy) this.bases.set(aggregate.stream, { policy, aggregate, first, taken, holdsPersonal });
  }

  /** Call it when the results are committed. Nobody waits for it, and a failure is only told. */
  take(results: readonly AppendResult[]): void {
    for (const { stream, revision, events } of results) {
      const base = this.bases.get(stream);
      if (base && this.store.holdsPersonal(events)) base.holdsPersonal = true;
      // A repeat added nothing: what the aggregate has applied is not what is recorded.
      const isCurrent = events.length > 0 && base?.aggregate.revision === revision;
      if (!isCurrent || revision - base.taken < BigInt(base.policy.every)) continue;
      const { aggregate, first, policy } = base;
      base.taken = revision;
      // It would keep in the clear what can be forgotten everywhere else.
      if (base.holdsPersonal) {
        tellOnce(aggregate.constructor as AggregateType<AnyAggregate>);
        continue;
      }
      this.save(aggregate, { state: aggregate.state, version: policy.version, revision, first });
    }
  }

  private save(aggregate: AnyAggregate, snapshot: Snapshot): void {
    const saved = async (): Promise<void> => {
      assertState(aggregate.constructor.name, snapshot.state);
      await this.store.saveSnapshot(aggregate.stream, snapshot);
    };
    saved().catch((error: unknown) => process.emitWarning(String(error), 'ConcordSnapshot'));
  }
}

interface Base {
  readonly policy: SnapshotPolicy;
  readonly aggregate: AnyAggregate;
  readonly first: bigint;
  /** The last event of the newest snapshot. */
  taken: bigint;
  /** Whether personal fields went into its state. */
  holdsPersonal: boolean;
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
