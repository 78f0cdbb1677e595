// One stream of the memory store: its events, and what its metadata still show of them.
import { NO_REVISION, type RecordedEvent, StreamDeleted, type StreamName, type StreamPosition } from '@concord/kernel';
import { type StreamMetadataRead, toMetadata, TOMBSTONE_POSITION } from '../stream-metadata.js';
import type { Append } from '../append.js';
import type { LoadedStream, Snapshot } from '../requests.js';

const SECOND = 1000;

export class StreamLog {
  constructor(
    private readonly name: StreamName,
    private readonly events: readonly RecordedEvent[],
    private readonly lastMetadata: RecordedEvent | undefined,
    /** Where the stream ended when these metadata deleted it; undefined when they did not. */
    private readonly deletedAt: StreamPosition | undefined,
  ) {}

  /** The position of the last event, the tombstone included. */
  get end(): StreamPosition {
    return this.events.at(-1)?.streamPosition ?? NO_REVISION;
  }

  get metadata(): StreamMetadataRead {
    const tombstoned = this.end === TOMBSTONE_POSITION;
    return {
      metadata: toMetadata((this.lastMetadata?.data ?? {}) as Record<string, unknown>),
      revision: this.lastMetadata?.streamPosition ?? NO_REVISION,
      state: tombstoned ? 'tombstoned' : this.isDeleted ? 'deleted' : 'active',
    };
  }

  /** Errors: StreamDeleted, when it has a tombstone. */
  assertWithoutTombstone(): void {
    if (this.end === TOMBSTONE_POSITION) throw new StreamDeleted(this.name);
  }

  /** What readers see. Errors: StreamDeleted. */
  get shown(): RecordedEvent[] {
    this.assertWithoutTombstone();
    const { maxCount, maxAge, truncateBefore = 0n } = this.settings;
    const oldest = maxAge === undefined ? 0 : Date.now() - maxAge * SECOND;
    const counted = maxCount === undefined ? this.events : this.events.slice(-maxCount);
    return counted.filter(
      (event) => event.streamPosition >= truncateBefore && event.metadata.recordedAt.getTime() > oldest,
    );
  }

  /** What aggregates need, from the snapshot on when a replay would have begun where it did. */
  load(snapshot: Snapshot | undefined): LoadedStream {
    const { shown, end: revision } = this;
    const first = shown[0]?.streamPosition ?? revision + 1n;
    const usable = snapshot?.first === first && snapshot.revision <= revision ? snapshot : undefined;
    if (!usable) return { events: shown, revision, first };
    const events = shown.filter((event) => event.streamPosition > usable.revision);
    const state = JSON.parse(JSON.stringify(usable.state)) as unknown;
    return { events, revision, first, snapshot: { state, revision: usable.revision } };
  }

  /** What stays when the stream is scavenged. */
  get left(): readonly RecordedEvent[] {
    const last = this.events.slice(-1);
    if (this.end === TOMBSTONE_POSITION) return last;
    const { shown } = this;
    return shown.length > 0 ? shown : last;
  }

  meets(expected: Append['expected']): boolean {
    if (expected === 'any') return true;
    if (expected === 'no-stream') return this.end === NO_REVISION || this.isDeleted;
    return expected === 'stream-exists' ? this.end > NO_REVISION && !this.isDeleted : this.end === expected;
  }

  private get isDeleted(): boolean {
    return this.deletedAt === this.end;
  }

  /** Of metadata, only the last event counts. */
  private get settings(): StreamMetadataRead['metadata'] {
    return this.name.startsWith('$$') ? { maxCount: 1 } : this.metadata.metadata;
  }
}
