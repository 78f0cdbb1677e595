// A process's part in a group: it beats, owns slices as the database says, and hears for all of them who has news.
import { loadSql, OwnershipLost } from '@concord/database';
import type { TenantHead } from '@concord/event-store';
import type { GlobalPosition, StreamName } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { Signal } from '../signal.js';
import type { GroupMembership, HeldUp } from './consumer-groups.js';
import { observeMember } from './group-metrics.js';
import type { GroupWork } from './group-work.js';
import { type Beat, Heartbeat } from './heartbeat.js';
import { IdlePositions } from './idle-positions.js';
import { NewsOfTenants } from './news-of-tenants.js';
import { SliceWorker } from './slice-worker.js';

const sql = {
  asked: loadSql(import.meta.url, 'sql/group-asked.sql'),
  release: loadSql(import.meta.url, 'sql/release-slice.sql'),
};

interface AskedRow {
  readonly slice: number;
  readonly tenant_id: TenantId;
  readonly stream_name: StreamName;
  readonly event_id: string | null;
}

export class GroupMember implements GroupMembership {
  private readonly workers = new Map<number, SliceWorker>();
  /** Tokens of slices that are given back, or about to be: an answer that was under way may still name them. */
  private readonly givenBack = new Map<number, bigint>();
  private readonly heartbeat: Heartbeat;
  private readonly news: NewsOfTenants;
  private readonly idle: IdlePositions;
  private leaving: Promise<void> | undefined;
  private unobserved: (() => void) | undefined;

  constructor(private readonly work: GroupWork) {
    this.heartbeat = new Heartbeat(work, {
      lags: () => this.lags,
      beaten: (beat) => this.settleSlices(beat),
      ended: () => this.abortAll(),
    });
    this.news = new NewsOfTenants(work, (heads) => this.hear(heads));
    this.idle = new IdlePositions(work, () => this.workers.values());
  }

  get memberId(): string {
    return this.work.memberId;
  }

  get slices(): readonly number[] {
    return [...this.workers.keys()].sort((a, b) => a - b);
  }

  get advanced(): Signal {
    return this.work.advanced;
  }

  positionOf(tenantId: TenantId): GlobalPosition | undefined {
    if (this.workers.size < this.work.slices) return undefined;
    let least: GlobalPosition | undefined;
    for (const worker of this.workers.values()) {
      const position = worker.positionOf(tenantId);
      if (position === undefined) return undefined;
      if (least === undefined || position < least) least = position;
    }
    return least;
  }

  get heldUp(): readonly HeldUp[] {
    return [...this.workers.values()].flatMap((worker) => worker.heldUp);
  }

  /** Errors: those of the first heartbeat; nothing is left behind. */
  async start(): Promise<void> {
    try {
      await this.heartbeat.start();
    } catch (error) {
      await this.leave();
      throw error;
    }
    this.news.start();
    if (this.work.settings.savesIdle) this.idle.start();
    const stopped = (): number => this.heldUp.filter(({ stream }) => stream === undefined).length;
    this.unobserved = observeMember(this.work, { lags: () => this.lagBySlice, stopped });
  }

  leave(): Promise<void> {
    this.leaving ??= this.end();
    return this.leaving;
  }

  private async end(): Promise<void> {
    this.unobserved?.();
    // The heart beats on until the events in hand are done.
    await Promise.all([...this.workers.values()].map((worker) => worker.stop()));
    await this.news.stop();
    await this.idle.stop();
    await this.heartbeat.stop();
  }

  private get lags(): Record<string, string> {
    return Object.fromEntries([...this.lagBySlice].map(([slice, lag]) => [slice, lag.toString()]));
  }

  private get lagBySlice(): ReadonlyMap<number, bigint> {
    return new Map([...this.workers].map(([slice, worker]) => [slice, worker.lag]));
  }

  private hear(heads: readonly TenantHead[]): void {
    for (const worker of this.workers.values()) worker.hear(heads);
  }

  /** Works on what the database says is owned, and on nothing else. */
  private async settleSlices({ owned, surplus }: Beat): Promise<void> {
    if (this.leaving) return;
    for (const [slice, worker] of this.workers) {
      if (owned.get(slice) !== worker.owned.fencingToken) {
        worker.abort(new OwnershipLost(`slice ${slice} has another owner by now`));
      }
    }
    const kept = [...owned].filter(([slice, fencingToken]) => this.givenBack.get(slice) !== fencingToken);
    for (const [slice, fencingToken] of kept) this.take(slice, fencingToken);
    const share = owned.size - surplus;
    this.handOver(surplus > 0 ? kept.length - share : 0);
    for (const worker of this.workers.values()) worker.tidy();
    await this.askWorkers();
  }

  private take(slice: number, fencingToken: bigint): void {
    if (this.workers.has(slice)) return;
    const isCurrent = (): boolean => this.heartbeat.isCurrent;
    const worker = new SliceWorker(this.work, { slice, fencingToken }, () => this.news.heads, isCurrent);
    this.workers.set(slice, worker);
    // Until it has ended the slice is not taken again: one owner, one thread of work.
    void worker.ended.then(() => {
      this.workers.delete(slice);
      // The slice may be this member's again, by another token: it need not wait for the next beat.
      if (worker.isLost && !this.leaving) this.heartbeat.hasten();
    });
  }

  /** Idle slices first. */
  private handOver(count: number): void {
    const free = [...this.workers.values()].filter((worker) => !worker.isEnding);
    const given = free.sort((one, other) => Number(one.isBusy) - Number(other.isBusy)).slice(0, Math.max(count, 0));
    for (const worker of given) void this.release(worker);
  }

  private async release(worker: SliceWorker): Promise<void> {
    const { slice, fencingToken } = worker.owned;
    this.givenBack.set(slice, fencingToken);
    try {
      await worker.stop();
      await this.work.database.queryOutside(sql.release, [this.work.settings.name, slice, fencingToken]);
    } catch (error) {
      // The next heartbeat finds that it is owned still, and too many.
      this.givenBack.delete(slice);
      this.work.report({ slice, error, outcome: 'interrupted' });
    }
  }

  private async askWorkers(): Promise<void> {
    const key = [this.work.settings.name, this.slices];
    for (const row of await this.work.database.queryOutside<AskedRow>(sql.asked, key)) {
      const { tenant_id: tenant, stream_name: stream, event_id: eventId } = row;
      this.workers.get(row.slice)?.ask({ tenant, stream, eventId });
    }
  }

  private abortAll(): void {
    for (const worker of this.workers.values()) {
      worker.abort(new OwnershipLost('no heartbeat has come through for as long as the lease lasts'));
    }
  }
}
