// Works on one slice while this member owns it: one event after the other, tenants in turn, waiting streams in between.
import { setTimeout as sleep } from 'node:timers/promises';
import { OwnershipLost } from '@concord/database';
import type { TenantHead } from '@concord/event-store';
import type { GlobalPosition, RecordedEvent } from '@concord/kernel';
import { runInTenant, type TenantId } from '@concord/tenancy';
import { delayOf } from '../backoff.js';
import { Signal } from '../signal.js';
import type { GroupWork, OwnedSlice } from './group-work.js';
import { isNobodysFault, SliceDelivery } from './slice-delivery.js';
import { SliceProgress } from './slice-progress.js';
import { StoppedTenants } from './stopped-tenants.js';
import { type Asked, WaitingStreams } from './waiting-streams.js';

const INTERRUPTION_BACKOFF = { firstMs: 100, mostMs: 10_000 };
const IDLE_MS = 60_000;
// When so many streams wait for their next attempt, something is wrong with more than an event: the slice waits for them.
const MAX_RETRYING = 100;

export class SliceWorker {
  /** Ends when the slice was stopped, or has another owner. */
  readonly ended: Promise<void>;
  /** The database has refused its work. */
  isRefused = false;
  private readonly lost = new AbortController();
  private readonly ending = new AbortController();
  private readonly wake = new Signal();
  private readonly progress: SliceProgress;
  private readonly delivery: SliceDelivery;
  private readonly waiting: WaitingStreams;
  private readonly stopped = new StoppedTenants();
  private tidies = false;
  private busy = false;
  private interruptions = 0;
  /** So many events go one by one, to find the one that fails. */
  private singly = 0;

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

  positionOf(tenant: TenantId): GlobalPosition {
    return this.progress.of(tenant);
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
    let isLoaded = false;
    while (!this.isEnding) {
      const { seen } = this.wake;
      try {
        if (!isLoaded) await this.load();
        isLoaded = true;
        const worked = await this.work.limiter.run(() => this.turn());
        this.interruptions = 0;
        if (!worked) await this.wake.wait(seen, Math.min(this.waiting.nextDueIn(), this.stopped.nextDueIn(), IDLE_MS));
      } catch (error) {
        // What is known in memory may not be what is stored: begin from that again.
        isLoaded = false;
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
    this.isRefused ||= refused;
    if (refused) this.abort(error);
    else await this.pause(delayOf(INTERRUPTION_BACKOFF, (this.interruptions += 1)));
  }

  private async pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.ending.signal }).catch(() => undefined);
  }

  /** A step for a waiting stream, and one for a tenant: neither keeps the other waiting. False: nothing was to be done. */
  private async turn(): Promise<boolean> {
    if (this.isEnding) return false;
    this.busy = true;
    try {
      const stepped = await this.waiting.step();
      for (const tenant of this.stopped.takeDue()) this.progress.hear(this.heads().filter(({ tenantId }) => tenantId === tenant));
      const tenant = this.waiting.retrying < MAX_RETRYING ? this.progress.nextTenant() : undefined;
      if (tenant !== undefined) await this.advanceIn(tenant);
      if (this.tidies || (tenant === undefined && this.work.settings.savesIdle)) await this.saveIdle();
      return stepped || tenant !== undefined;
    } finally {
      this.busy = false;
    }
  }

  private async advanceIn(tenant: TenantId): Promise<void> {
    if (this.stopped.has(tenant)) {
      this.progress.rest(tenant);
      return;
    }
    try {
      await runInTenant(tenant, () => this.advance(tenant));
    } catch (error) {
      if (isNobodysFault(error)) throw error;
      // Its feed cannot be read, say: the other tenants go on.
      this.work.report({ slice: this.owned.slice, error, outcome: 'interrupted' });
      this.progress.rest(tenant);
    }
  }

  private async saveIdle(): Promise<void> {
    this.tidies = false;
    const { idle } = this.progress;
    if (idle.length === 0) return;
    await this.delivery.settle(() => this.progress.saveIdle(idle), true);
    for (const { tenant, reached } of idle) this.progress.committed(tenant, reached);
  }

  private async advance(tenant: TenantId): Promise<void> {
    const after = this.progress.of(tenant);
    const page = await this.work.pages.read(tenant, after);
    const due = (page.bySlice.get(this.owned.slice) ?? []).filter(
      (event) => event.globalPosition > after && !this.waiting.has(tenant, event.stream),
    );
    if (due.length === 0) {
      this.progress.passed(tenant, page.through);
      return;
    }
    const batch = due.slice(0, this.singly > 0 ? 1 : this.delivery.most);
    const reachedBy = (handled: number): bigint =>
      handled === due.length ? page.through : (due[handled - 1] as RecordedEvent).globalPosition;
    const outcome = await this.delivery.deliver(batch, 1, (handled) => this.progress.save(tenant, reachedBy(handled)));
    if ('failed' in outcome) await this.failed(tenant, batch, outcome.failed);
    else {
      this.singly = Math.max(0, this.singly - outcome.handled);
      this.stopped.forget(tenant);
      this.progress.committed(tenant, reachedBy(outcome.handled));
    }
  }

  private async failed(tenant: TenantId, batch: readonly RecordedEvent[], error: unknown): Promise<void> {
    const [event] = batch;
    if (batch.length > 1 || !event) {
      this.singly = batch.length;
      return;
    }
    if (this.work.settings.onFailure === 'stop') {
      this.work.report({ slice: this.owned.slice, event, error, outcome: 'retrying' });
      this.stopped.stop(tenant, this.work.settings.retry);
      this.progress.rest(tenant);
      return;
    }
    this.singly = Math.max(0, this.singly - 1);
    await this.waiting.begin(event, error);
    this.progress.committed(tenant, event.globalPosition);
  }
}
