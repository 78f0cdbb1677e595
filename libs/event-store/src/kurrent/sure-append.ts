// An append whose answer was lost is made again, with the same ids, until it is known to be there once or not at all.
import { CommitUnknown } from '@concord/database';
import { type ExpectedVersion, StreamDeleted, type StreamName, WrongExpectedVersion } from '@concord/kernel';
import type { Appended, WireAppend } from './batch-append.js';
import type { Connection } from './connection.js';
import { AppendFailed, isTombstone, isTransient, mayHaveArrived, translateFailure } from './failures.js';
import type { ReadEvent } from './wire-events.js';

const LOOK_BACK = 2_000;
// Clocks of servers and ours may differ by as much.
const SKEW_MS = 60_000;

/** An append, and what its stream is called by those who wait for it. */
export interface NamedAppend extends WireAppend {
  readonly stream: StreamName;
}

/**
 * Appends once. With a number or `no-stream` the server recognises a repeat by its ids. With `any` and `stream-exists` it
 * promises nothing, so a repeat looks for its events first and then expects the end that it saw. Errors:
 * WrongExpectedVersion, CommitUnknown when it may be there and nobody answers, and those of translateFailure.
 */
export function appendSurely(connection: Connection, append: NamedAppend): Promise<Appended> {
  const sure = new SureAppend(connection, append);
  return connection.again(
    async (live) => sure.earlier ?? (await live.appends.send({ ...append, expected: sure.expected })),
    (error, isOver) => sure.judge(error, isOver),
  );
}

class SureAppend {
  /** What an attempt recorded whose answer was lost. */
  earlier: Appended | undefined;
  expected: ExpectedVersion;
  private mayBeThere = false;
  private readonly since = Date.now() - SKEW_MS;

  constructor(
    private readonly connection: Connection,
    private readonly append: NamedAppend,
  ) {
    this.expected = append.expected;
  }

  /** Returns when another attempt is worth it. */
  async judge(error: unknown, isOver: boolean): Promise<void> {
    this.mayBeThere ||= mayHaveArrived(error);
    if (error instanceof AppendFailed && error.kind === 'WrongExpectedVersion') {
      await this.judgeConflict(error, isOver);
      return;
    }
    if (isTombstone(error)) throw new StreamDeleted(ownerOf(this.append.stream));
    if (isOver || !isTransient(error)) throw this.mayBeThere ? this.unknown(error) : translateFailure(error);
    if (this.mayBeThere && this.isLoose) await this.look();
  }

  private async judgeConflict(error: AppendFailed, isOver: boolean): Promise<void> {
    if (this.mayBeThere) await this.look();
    if (this.earlier) return;
    // The end that was seen is not there any more, and the caller never asked for it.
    if (this.expected !== this.append.expected && !isOver) return;
    throw new WrongExpectedVersion(this.append.stream, this.append.expected, error.actual);
  }

  private get isLoose(): boolean {
    return this.append.expected === 'any' || this.append.expected === 'stream-exists';
  }

  /** Looks for the append's last event, back to before the append was begun. It is recorded whole or not at all. */
  private async look(): Promise<void> {
    const { name, events } = this.append;
    const id = events.at(-1)?.id.toLowerCase();
    const seen = (await this.connection.readStream(name, { backwards: true, limit: LOOK_BACK })) ?? [];
    const found = seen.find(({ recorded }) => recorded?.id === id)?.recorded;
    if (found) this.earlier = { revision: found.streamPosition, position: found.globalPosition };
    else if (!this.reachesFarEnough(seen)) {
      throw this.unknown(new Error(`its events are not among the last ${LOOK_BACK} of the stream`));
    }
    if (this.isLoose) this.expected = this.endOf(seen);
  }

  private endOf([last]: readonly ReadEvent[]): ExpectedVersion {
    const { expected } = this.append;
    return last?.recorded?.streamPosition ?? (expected === 'any' ? 'no-stream' : expected);
  }

  private reachesFarEnough(seen: readonly ReadEvent[]): boolean {
    const oldest = seen.at(-1)?.recorded;
    return seen.length < LOOK_BACK || !oldest || oldest.metadata.recordedAt.getTime() < this.since;
  }

  private unknown(cause: unknown): CommitUnknown {
    const { stream } = this.append;
    return new CommitUnknown(`whether an append to "${stream}" was recorded is not known`, {}, { cause });
  }
}

/** Of metadata it is their stream that was deleted. */
function ownerOf(stream: StreamName): StreamName {
  return stream.replace(/^\$\$/, '') as StreamName;
}
