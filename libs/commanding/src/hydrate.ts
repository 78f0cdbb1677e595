// An aggregate from what its stream shows.
import type { AggregateType, AnyAggregate } from '@concord/domain';
import type { LoadedStream } from '@concord/event-store';
import type { StreamName } from '@concord/kernel';
import { policyOf, type Snapshots } from './snapshots.js';

/** Loads a stream, from a snapshot of that version when there is one. */
export type Load = (snapshotVersion?: number) => Promise<LoadedStream>;

/** Loads, with a snapshot if the class takes them, and tells `snapshots` of it. Errors: those of `load`. */
export async function loadAggregate<A extends AnyAggregate>(
  type: AggregateType<A>,
  stream: StreamName,
  { load, snapshots }: { readonly load: Load; readonly snapshots: Snapshots },
): Promise<A> {
  return hydrate(type, stream, await load(policyOf(type)?.version), { load, snapshots });
}

/** A snapshot that the class cannot go on from is as good as none. */
export async function hydrate<A extends AnyAggregate>(
  type: AggregateType<A>,
  stream: StreamName,
  recorded: LoadedStream,
  { load, snapshots }: { readonly load: Load; readonly snapshots: Snapshots },
): Promise<A> {
  const { events, revision, snapshot } = recorded;
  const aggregate = new type(stream.slice(type.category.length + 1));
  try {
    if (snapshot) aggregate.restore(snapshot.state, snapshot.revision);
    aggregate.replay(events, revision);
  } catch (error) {
    if (!snapshot) throw error;
    return hydrate(type, stream, await load(), { load, snapshots });
  }
  snapshots.loaded(aggregate, recorded);
  return aggregate;
}
