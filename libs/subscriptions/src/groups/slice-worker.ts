// Works on one slice while this member owns it: one event after the other, tenants in turn, waiting streams in between.
import { setTimeout as sleep } from 'node:timers/promises';
import { OwnershipLost } from '@concord/database';
import type { TenantHead } from '@concord/event-store';
import type { GlobalPosition, RecordedEvent } from '@concord/kernel';
import { runInTenant, type TenantId } from '@concord/tenancy';
import { delayOf } from '../backoff.js';
import { Signal } from '../signal.js';
import { type HeldUp, NotYet } from './consumer-groups.js';
import { FailureSearches } from './failure-search.js';
import type { GroupWork, OwnedSlice } from './group-work.js';
import { isNobodysFault, SliceDelivery } from './slice-delivery.js';
import { type IdleMove, SliceProgress } from './slice-progress.js';
import { StoppedTenants } from './stopped-tenants.js';
import { type Asked, WaitingStreams } from './waiting-streams.js';

const INTERRUPTION_BACKOFF = { firstMs: 100, mostMs: 10_000 };
const IDLE_MS = 60_000;
const NOT_YET_MS = 100;
// When so many streams wait for their next attempt, something is wrong with more than an event: the slice waits for them.
const MAX_RETRYING = 100;

export class SliceWorker {
  /** Ends when the slice was stopped, or has another owner. */
  readonly ended: Promise<void>;
  private readonly lost = new AbortController();
  private readonly ending = new AbortController();
  private readonly wake = new Signal();
  private readonly progress: SliceProgress;
  private readonly delivery: SliceDelivery;
  private readonly waiting: WaitingStreams;
  private readonly stopped = new StoppedTenants();
  private readonly searches: FailureSearches;
  private isLoaded = false;
  private tidies = false;
  private busy = false;
  private lent: Promise<void> | undefined;
  private endLoan: () => void = () => undefined;
  private interruptions = 0;

  constructor(
    private readonly work: GroupWork,
    readonly owned: OwnedSlice,
    private readonly heads: () => readonly TenantHead[],
    /** Whether the member's lease runs still. */
    isCurrent: () => boolean,
  ) {
    this.progress = new SliceProgress(work, owned);
    this.delivery = new SliceDelivery(work, owned, {
      lost: this.lost.signal,
      isCurrent,
      isStopping: () => this.isEnding,
    });
    this.waiting = new WaitingStreams(work, owned, this.progress, this.delivery);
    this.searches = new FailureSearches(typeof work.handle !== 'function');
    this.ended = this.run();
  }

  get isBusy(): boolean {
    return this.busy;
  }

  get isEnding(): boolean {
    return this.ending.signal.aborted;
  }

  get lag(): bigint {
    return this.progress.lag;
  }

  /** Whether it ends because the slice is not this member's any more, or not by the same token. */
  get isLost(): boolean {
    return this.lost.signal.aborted;
  }

  /** Undefined while a stream of the tenant goes its own way. */
  positionOf(tenant: TenantId): GlobalPosition | undefined {
    return this.isLoaded && !this.waiting.hasAnyOf(tenant) ? this.progress.of(tenant) : undefined;
  }

  get heldUp(): readonly HeldUp[] {
    const { slice } = this.owned;
    const stopped = [...this.stopped.stopped].map(([tenantId, why]) => ({
      slice,
      tenantId,
      stream: undefined,
      ...why,
    }));
    const searched = this.searches.underWay.map((search) => ({
      slice,
      stream: undefined,
      retryAt: new Date(),
      ...search,
    }));
    return [...stopped, ...searched, ...this.waiting.heldUp];
  }

  /** Idle positions to be saved by somebody else. Until they are given back, nothing here moves. Undefined: not now, or none. */
  lend(): readonly IdleMove[] | undefined {
    if (!this.isLoaded || this.busy || this.lent || this.isEnding) return undefined;
    const moves = this.progress.movedBeyond(0n);
    if (moves.length === 0) return undefined;
    this.lent = new Promise((resolve) => (this.endLoan = resolve));
    return moves;
  }

  /** With those that are saved. `unknown`: it is not known what is stored, so that has to be read again. */
  giveBack(saved: readonly IdleMove[] | 'unknown'): void {
    if (saved === 'unknown') {
      this.isLoaded = false;
      this.wake.raise();
    } else for (const { tenant, reached } of saved) this.progress.committed(tenant, reached);
    this.lent = undefined;
    this.endLoan();
  }

  /** Some tenants have news. */
  hear(heads: readonly TenantHead[]): void {
    this.progress.hear(heads);
    this.wake.raise();
  }

  /** Something is to be done for waiting streams or parked events. */
  ask(asked: Asked): void {
    this.waiting.ask(asked);
    this.wake.raise();
  }

  /** Now and then: hears of all tenants again, and saves positions that have only passed over what others own. */
  tidy(): void {
    this.progress.hear(this.heads());
    this.tidies = true;
    this.wake.raise();
  }

  /** Ends after the event in hand. */
  stop(): Promise<void> {
    this.ending.abort();
    this.wake.raise();
    return this.ended;
  }

  /** The lease has ended, or somebody else has the slice: the handler is told, and nothing more is begun. */
  abort(reason: OwnershipLost): void {
    this.lost.abort(reason);
    this.ending.abort();
    this.wake.raise();
  }

  private async run(): Promise<void> {
    while (!this.isEnding) {
      const { seen } = this.wake;
      try {
        if (!this.isLoaded) await this.load();
        this.isLoaded = true;
        const worked = await this.work.limiter.run(() => this.turn());
        this.interruptions = 0;
        if (!worked) await this.wake.wait(seen, Math.min(this.waiting.nextDueIn(), this.stopped.nextDueIn(), IDLE_MS));
      } catch (error) {
        // What is known in memory may not be what is stored: begin from that again.
        this.isLoaded = false;
        await this.interrupted(error);
      }
    }
  }

  private async load(): Promise<void> {
    await this.progress.load();
    await this.waiting.load();
    this.progress.hear(this.heads());
  }

  private async interrupted(error: unknown): Promise<void> {
    const refused = error instanceof OwnershipLost;
    this.work.report({ slice: this.owned.slice, error, outcome: refused ? 'refused' : 'interrupted' });
    if (refused) this.abort(error);
    else await this.pause(delayOf(INTERRUPTION_BACKOFF, (this.interruptions += 1)));
  }

  private async pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.ending.signal }).catch(() => undefined);
  }

  /** A step for a waiting stream, and one for a tenant: neither keeps the other waiting. False: nothing was to be done. */
  private async turn(): Promise<boolean> {
    if (this.isEnding) return false;
    while (this.lent) await this.lent;
    if (!this.isLoaded) return true;
    this.busy = true;
    try {
      const stepped = await this.waiting.step();
      const due = this.stopped.takeDue();
      if (due.size > 0) this.progress.hear(this.heads().filter(({ tenantId }) => due.has(tenantId)));
      const tenant = this.waiting.retrying < MAX_RETRYING ? this.progress.nextTenant() : undefined;
      if (tenant !== undefined) await this.advanceIn(tenant);
      if (this.tidies) await this.saveIdle();
      return stepped || tenant !== undefined;
    } finally {
      this.busy = false;
    }
  }

  private async advanceIn(tenant: TenantId): Promise<void> {
    if (this.stopped.isResting(tenant)) {
      this.progress.rest(tenant);
      return;
    }
    try {
      await runInTenant(tenant, () => this.advance(tenant));
    } catch (error) {
      if (error instanceof NotYet) this.stopped.rest(tenant, NOT_YET_MS);
      else if (isNobodysFault(error)) throw error;
      // Its feed cannot be read, say: the other tenants go on.
      else this.work.report({ slice: this.owned.slice, error, outcome: 'interrupted' });
      this.progress.rest(tenant);
    }
  }

  private async saveIdle(): Promise<void> {
    this.tidies = false;
    const { idle } = this.progress;
    if (idle.length === 0) return;
    await this.delivery.settle(() => this.progress.saveIdle(idle));
    for (const { tenant, reached } of idle) this.progress.committed(tenant, reached);
  }

  private async advance(tenant: TenantId): Promise<void> {
    const after = this.progress.of(tenant);
    const page = await this.work.pages.read(tenant, after);
    const due = (page.bySlice.get(this.owned.slice) ?? []).filter(
      (event) => event.globalPosition > after && !this.waiting.has(tenant, event.stream),
    );
    if (due.length === 0) {
      this.searches.forget(tenant);
      await this.pass(tenant, page.through);
      return;
    }
    const batch = due.slice(0, this.searches.next(tenant, this.delivery.most));
    const reachedBy = (handled: number): bigint =>
      handled === due.length ? page.through : (due[handled - 1] as RecordedEvent).globalPosition;
    const outcome = await this.delivery.deliver(batch, 1, (handled) => this.progress.save(tenant, reachedBy(handled)));
    if ('failed' in outcome) await this.failed(tenant, batch, outcome.failed);
    else {
      this.searches.passed(tenant, outcome.handled);
      this.stopped.forget(tenant);
      this.progress.committed(tenant, reachedBy(outcome.handled));
    }
  }

  /** There is nothing to do up to there. A handler of batches hears of each tenant at least once. */
  private async pass(tenant: TenantId, through: GlobalPosition): Promise<void> {
    const { handle } = this.work;
    if (typeof handle === 'function' || this.progress.isKnown(tenant)) {
      this.progress.passed(tenant, through);
      return;
    }
    await this.delivery.settle(async () => {
      await handle.begin();
      this.progress.save(tenant, through);
    });
    this.progress.committed(tenant, through);
  }

  private async failed(tenant: TenantId, batch: readonly RecordedEvent[], error: unknown): Promise<void> {
    const [event] = batch;
    if (batch.length > 1 || !event) {
      const begins = this.searches.failed(tenant, batch.length, error);
      if (begins) this.work.report({ slice: this.owned.slice, tenantId: tenant, error, outcome: 'retrying' });
      return;
    }
    this.searches.found(tenant);
    if (this.work.settings.onFailure === 'stop') {
      this.work.report({ slice: this.owned.slice, event, error, outcome: 'retrying' });
      this.stopped.stop(tenant, error, this.work.settings.retry);
      this.progress.rest(tenant);
      return;
    }
    this.searches.passed(tenant, 1);
    await this.waiting.begin(event, error);
    this.progress.committed(tenant, event.globalPosition);
  }
}
