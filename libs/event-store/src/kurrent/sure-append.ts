// An append whose answer was lost is made again, with the same ids, until it is known to be there once or not at all.
import { CommitUnknown } from '@concord/database';
import { type ExpectedVersion, type StreamName, type StreamPosition, WrongExpectedVersion } from '@concord/kernel';
import type { Appended, WireAppend } from './batch-append.js';
import type { Connection } from './connection.js';
import { AppendFailed, isTransient, mayHaveArrived, translateFailure } from './failures.js';

const LOOK_BACK = 2_000;
// Clocks of servers and ours may differ by as much.
const SKEW_MS = 60_000;

/** An append, and what its stream is called by those who wait for it. */
export interface SureAppend extends WireAppend {
  readonly stream: StreamName;
}

/**
 * Appends once. With a number or `no-stream` the server recognises a repeat by its ids. With `any` and `stream-exists` it
 * promises nothing, so a repeat looks for its events first and then expects the end that it saw. Errors:
 * WrongExpectedVersion, CommitUnknown when it may be there and nobody answers, and those of translateFailure.
 */
export function appendSurely(connection: Connection, append: SureAppend): Promise<Appended> {
  const begun = Date.now();
  let expected: ExpectedVersion = append.expected;
  let earlier: Appended | undefined;
  let mayBeThere = false;

  const look = async (): Promise<void> => {
    const seen = await lookFor(connection, append, begun - SKEW_MS);
    earlier = seen.earlier;
    if (typeof append.expected === 'bigint' || append.expected === 'no-stream') return;
    if (seen.end >= 0n) expected = seen.end;
    else expected = append.expected === 'any' ? 'no-stream' : 'stream-exists';
  };

  return connection.again(
    (live) => (earlier ? Promise.resolve(earlier) : live.appends.send({ ...append, expected })),
    async (error, isOver) => {
      const isConflict = error instanceof AppendFailed && error.kind === 'WrongExpectedVersion';
      mayBeThere ||= mayHaveArrived(error);
      if (isConflict && mayBeThere) await look();
      if (earlier) return;
      // The end that was seen is not there any more, and the caller never asked for it.
      if (isConflict && expected !== append.expected && !isOver) return;
      if (isConflict) throw new WrongExpectedVersion(append.stream, append.expected, error.actual);
      if (!isTransient(error) && !mayBeThere) throw translateFailure(error);
      if (isOver || !isTransient(error)) throw unknown(append, error);
      if (mayBeThere && typeof append.expected !== 'bigint' && append.expected !== 'no-stream') await look();
    },
  );
}

interface Seen {
  readonly earlier: Appended | undefined;
  readonly end: StreamPosition;
}

/** Looks for the append's last event, back to before the append was begun. It is recorded whole or not at all. */
async function lookFor(connection: Connection, append: SureAppend, since: number): Promise<Seen> {
  const id = append.events.at(-1)?.id.toLowerCase();
  const events = (await connection.readStream(append.name, { backwards: true, limit: LOOK_BACK })) ?? [];
  const found = events.find(({ recorded }) => recorded?.id === id);
  const end = events[0]?.recorded?.streamPosition ?? -1n;
  if (found?.recorded) return { earlier: { revision: found.recorded.streamPosition, position: found.position }, end };
  const oldest = events.at(-1)?.recorded;
  const isFar = !oldest || oldest.streamPosition === 0n || oldest.metadata.recordedAt.getTime() < since;
  if (!isFar) throw unknown(append, new Error(`its events are not among the last ${LOOK_BACK} of the stream`));
  return { earlier: undefined, end };
}

function unknown({ stream }: SureAppend, cause: unknown): CommitUnknown {
  return new CommitUnknown(`whether an append to "${stream}" was recorded is not known`, {}, { cause });
}
