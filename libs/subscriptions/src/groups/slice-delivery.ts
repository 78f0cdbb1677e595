// Gives events of a slice to the handler, and settles what became of them behind the fence, as the group's delivery says.
import { setTimeout as sleep } from 'node:timers/promises';
import { CommitUnknown, DatabaseUnavailable, loadSql, OwnershipLost, TransientConflict } from '@concord/database';
import { StoreUnavailable } from '@concord/event-store';
import { type RecordedEvent, runInMessage } from '@concord/kernel';
import { delayOf } from '../backoff.js';
import { handlingBatch, handlingEvent } from '../telemetry.js';
import { type HandleBatch, type HandleEvent, NotYet } from './consumer-groups.js';
import type { GroupWork, OwnedSlice } from './group-work.js';
import { InterruptedEvents } from './interrupted-events.js';

const holdSlice = loadSql(import.meta.url, 'sql/hold-slice.sql');

/** `handled`: so many are done, and settled. `failed`: none is; the handler, or the commit of its work, said why. */
export type Delivered = { readonly handled: number } | { readonly failed: unknown };

/** How the slice is held at this moment. */
export interface Hold {
  /** Aborted when the slice may have another owner; a timer says so, and timers may be late. */
  readonly lost: AbortSignal;
  /** Whether the lease runs still, by the clock. */
  isCurrent(): boolean;
  /** Whether to end after the event in hand. */
  isStopping(): boolean;
}

const CONFLICT_TRIES = 5;
const CONFLICT_BACKOFF = { firstMs: 10, mostMs: 500 };

export class SliceDelivery {
  private readonly interrupted = new InterruptedEvents();
  private hasBegun = false;
  /** What the last handler that failed has thrown. */
  private thrown: unknown;

  constructor(
    private readonly work: GroupWork,
    private readonly owned: OwnedSlice,
    private readonly hold: Hold,
  ) {}

  /** How many events may be handled and settled as one. */
  get most(): number {
    const { delivery, batchSize } = this.work.settings;
    return delivery === 'at-least-once' ? 1 : batchSize;
  }

  /**
   * Has the events handled, all or, when the slice is to stop, the first of them; `settle` then sends its statements,
   * which need not be awaited. Errors: those that are not the handler's: OwnershipLost, CommitUnknown, and that the database or
   * the event store is away. After such a one, what was saved must be read again.
   */
  async deliver(
    events: readonly RecordedEvent[],
    attempt: number,
    settle: (handled: number) => void | Promise<void>,
  ): Promise<Delivered> {
    const blamed = this.interrupted.blame(events);
    if (blamed) return blamed;
    for (let conflicts = 1; ; conflicts += 1) {
      this.hasBegun = false;
      try {
        const handled = await this.once(events, attempt, settle);
        this.interrupted.forget(events.slice(0, handled));
        return { handled };
      } catch (error) {
        await this.throwWhatIsNotTheHandlers(events, error);
        if (!(error instanceof TransientConflict) || conflicts === CONFLICT_TRIES) return { failed: error };
      }
      await sleep(delayOf(CONFLICT_BACKOFF, conflicts));
    }
  }

  /** Runs statements behind the fence, in a transaction of their own. */
  async settle(statements: () => void | Promise<void>): Promise<void> {
    const { database, settings } = this.work;
    await database.transaction(async () => {
      void database.query(holdSlice, [settings.name, this.owned.slice, this.owned.fencingToken]);
      await statements();
    });
  }

  private async throwWhatIsNotTheHandlers(events: readonly RecordedEvent[], error: unknown): Promise<void> {
    if (this.hold.lost.aborted)
      throw new OwnershipLost('the lease has ended while the handler ran', {}, { cause: error });
    // Another lease, under which the handler works: this slice's fence is asked after the handlers.
    const isAnother = error instanceof OwnershipLost && error === this.thrown;
    if (!isNobodysFault(error) || isAnother) return;
    if (this.hasBegun && !(error instanceof OwnershipLost) && (await this.isAllWell())) {
      this.interrupted.add(events, error);
    }
    throw error;
  }

  /** Whether the database takes writes, and the event store answers; if so, what was away may be away for the event only. */
  private async isAllWell(): Promise<boolean> {
    if (this.hold.isStopping()) return false;
    try {
      await this.settle(() => undefined);
      await this.work.store.lastPosition();
      return true;
    } catch {
      return false;
    }
  }

  private async once(
    events: readonly RecordedEvent[],
    attempt: number,
    settle: (handled: number) => void | Promise<void>,
  ): Promise<number> {
    const { database, settings } = this.work;
    if (settings.delivery === 'at-least-once') {
      const handled = await this.handleAll(events.slice(0, 1), attempt);
      await this.settle(() => settle(handled));
      return handled;
    }
    return database.transaction(async () => {
      const handled = await this.handleAll(events, attempt);
      // The fence is the last to be asked: it is sent with the commit, and nobody waits long for the slice's row.
      void database.query(holdSlice, [settings.name, this.owned.slice, this.owned.fencingToken]);
      await settle(handled);
      return handled;
    });
  }

  private async handleAll(events: readonly RecordedEvent[], attempt: number): Promise<number> {
    const { handle } = this.work;
    if (typeof handle !== 'function') return this.handleBatch(handle, events, attempt);
    let handled = 0;
    for (const event of events) {
      if (handled > 0 && this.hold.isStopping()) break;
      await this.handleOne(handle, event, attempt);
      handled += 1;
    }
    return handled;
  }

  private async handleBatch(handle: HandleBatch, events: readonly RecordedEvent[], attempt: number): Promise<number> {
    const { settings, memberId } = this.work;
    if (!this.hold.isCurrent()) throw new OwnershipLost('the lease has ended before the handler began');
    await handle.begin();
    this.hasBegun = true;
    const context = { group: settings.name, memberId, attempt, signal: this.hold.lost, ...this.owned };
    try {
      await handlingBatch(settings.name, events, () => handle.handleAll(events, context));
    } catch (error) {
      this.thrown = error;
      throw error;
    }
    return events.length;
  }

  private async handleOne(handle: HandleEvent, event: RecordedEvent, attempt: number): Promise<void> {
    const { settings, memberId } = this.work;
    // The fence comes after the effect, and a process that was stopped or busy hears of the end of its lease too late.
    if (!this.hold.isCurrent()) throw new OwnershipLost('the lease has ended before the handler began');
    this.hasBegun = true;
    const context = { group: settings.name, memberId, attempt, signal: this.hold.lost, ...this.owned };
    const message = { correlationId: event.metadata.correlationId ?? event.id, causationId: event.id };
    try {
      await runInMessage(message, () => handlingEvent(event, context, () => handle(event, context)));
    } catch (error) {
      this.thrown = error;
      throw error;
    }
  }
}

const NOBODYS = [OwnershipLost, DatabaseUnavailable, StoreUnavailable, CommitUnknown, NotYet];

/** Neither the handler's nor that of what it was given. */
export function isNobodysFault(error: unknown): boolean {
  return NOBODYS.some((kind) => error instanceof kind);
}
