// What one command touches: the aggregates it loaded, and the events they decided, appended at its end.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { AggregateType, AnyAggregate } from '@concord/domain';
import type { AppendRequest, AppendResult } from '@concord/event-store';
import type { LockMode } from '@concord/locking';
import {
  currentMessage,
  type DomainEvent,
  derivedIdOf,
  NO_REVISION,
  streamName,
  type StreamName,
} from '@concord/kernel';
import { covers } from './command-locks.js';
import { type HandlerDeclarations, UNDECLARED } from './isolation.js';
import type { SentCommand } from './sent-command.js';

const running = new AsyncLocalStorage<UnitOfWork>();

/** The id of the n-th event of a command: the same at every attempt, so that a repeat is recognised by the store. */
export function commandEventId(commandId: string, index: number): string {
  return derivedIdOf(commandId, 'command', index.toString());
}

/** Where an event's metadata keeps the fingerprint of its command. */
export const FINGERPRINT = 'commandFingerprint';

/** Where aggregates come from and events go to: under locks, or from the mailboxes of this process. */
export interface Streams {
  /** `mode`: how they are locked until the command has ended; undefined when they need not be. */
  load<A extends AnyAggregate>(
    type: AggregateType<A>,
    streams: readonly StreamName[],
    mode: LockMode | undefined,
  ): Promise<Map<StreamName, A>>;
  /** Locks what is loaded more strongly. Absent where everything is to itself from the beginning. */
  upgrade?(streams: readonly StreamName[], mode: LockMode): Promise<void>;
  append(requests: readonly AppendRequest[]): Promise<AppendResult[]>;
}

export class UnitOfWork {
  private readonly aggregates = new Map<StreamName, AnyAggregate>();
  /** Of each stream there is one aggregate, also for those who ask at the same time. */
  private readonly loading = new Map<StreamName, Promise<unknown>>();
  private readonly modes = new Map<StreamName, LockMode | undefined>();

  constructor(
    private readonly streams: Streams,
    private readonly sent: SentCommand,
    private readonly declared: HandlerDeclarations = UNDECLARED,
  ) {}

  /** The unit of work of the running command, if any. */
  static get current(): UnitOfWork | undefined {
    return running.getStore();
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    return running.run(this, work);
  }

  /** Loads, in one step, what is not loaded yet: to change it, unless it is declared to be read only. */
  load<A extends AnyAggregate>(type: AggregateType<A>, ids: readonly string[]): Promise<A[]> {
    return this.declared.reads.includes(type) ? this.read(type, ids) : this.loadFor(type, ids, 'X');
  }

  /** As load(), to read it. `mayChange`: and to decide then. */
  read<A extends AnyAggregate>(type: AggregateType<A>, ids: readonly string[], mayChange = false): Promise<A[]> {
    if (mayChange) return this.loadFor(type, ids, 'U');
    return this.loadFor(type, ids, this.declared.isolation === 'snapshot' ? undefined : 'S');
  }

  /** Before append(), where it is there: what was changed and is not locked for it is locked. */
  get upgrading(): Promise<void> | undefined {
    const weak = this.changedStreams.filter((stream) => !covers(this.modes.get(stream), 'X'));
    return weak.length > 0 ? this.upgrade(weak, 'X') : undefined;
  }

  private async loadFor<A extends AnyAggregate>(
    type: AggregateType<A>,
    ids: readonly string[],
    mode: LockMode | undefined,
  ): Promise<A[]> {
    const streams = ids.map((id) => streamName(type.category, id));
    const missing = [...new Set(streams)].filter((stream) => !this.loading.has(stream));
    if (missing.length > 0) {
      const loading = this.loadMissing(type, missing, mode);
      loading.catch(() => undefined);
      for (const stream of missing) this.loading.set(stream, loading);
    }
    for (const stream of streams) await this.loading.get(stream);
    const weak = mode && streams.filter((stream) => !covers(this.modes.get(stream), mode));
    if (weak && weak.length > 0) await this.upgrade(weak, mode);
    return streams.map((stream) => this.aggregates.get(stream) as A);
  }

  private async loadMissing<A extends AnyAggregate>(
    type: AggregateType<A>,
    missing: StreamName[],
    mode: LockMode | undefined,
  ): Promise<void> {
    for (const stream of missing) this.sent.touched.add(stream);
    const loaded = await this.streams.load(type, missing, mode);
    for (const [stream, aggregate] of loaded) {
      this.aggregates.set(stream, aggregate);
      this.modes.set(stream, mode);
    }
  }

  private async upgrade(streams: readonly StreamName[], mode: LockMode): Promise<void> {
    await this.streams.upgrade?.(streams, mode);
    for (const stream of streams) this.modes.set(stream, mode);
  }

  /** Whether there is anything to append. */
  get hasDecided(): boolean {
    return this.changed.length > 0;
  }

  /** All that was decided, in the order of append(). */
  get decided(): (DomainEvent & { stream: StreamName })[] {
    return this.changed.flatMap(({ stream, decidedEvents }) => decidedEvents.map((event) => ({ ...event, stream })));
  }

  /** What will be appended to. */
  get changedStreams(): StreamName[] {
    return this.changed.map((aggregate) => aggregate.stream);
  }

  /** Appends all that was decided, in the order in which the aggregates were loaded: all or nothing. */
  append(): Promise<AppendResult[]> {
    const { changed } = this;
    const { id, fingerprint } = this.sent;
    let index = 0;
    const requests = changed.map((aggregate): AppendRequest => ({
      stream: aggregate.stream,
      expected: aggregate.revision === NO_REVISION ? 'no-stream' : aggregate.revision,
      events: aggregate.decidedEvents.map((event) => ({
        ...event,
        id: commandEventId(id, index++),
        // Said here and not left to the store: others' events may travel with them.
        metadata: { ...currentMessage(), ...(fingerprint !== undefined && { [FINGERPRINT]: fingerprint }) },
      })),
    }));
    const appended = this.streams.append(requests);
    for (const aggregate of changed) aggregate.markRecorded();
    return appended;
  }

  private get changed(): AnyAggregate[] {
    return [...this.aggregates.values()].filter((aggregate) => aggregate.decidedEvents.length > 0);
  }
}
