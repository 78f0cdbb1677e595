// Tenants that a slice leaves alone for a while: an event has stopped them, to be tried again later and later and never passed
// over; or it is not the moment to work on them.
import type { TenantId } from '@concord/tenancy';
import { type Backoff, delayOf } from '../backoff.js';

interface Stopped {
  readonly attempts: number;
  readonly error: unknown;
  readonly retryAt: Date;
}

export class StoppedTenants {
  /** Until they have gone on, also while they are tried again. */
  readonly stopped = new Map<TenantId, Stopped>();
  /** When they are due, by the monotonic clock. */
  private readonly resting = new Map<TenantId, number>();

  stop(tenant: TenantId, error: unknown, backoff: Backoff): void {
    const attempts = (this.stopped.get(tenant)?.attempts ?? 0) + 1;
    const delay = delayOf(backoff, attempts);
    this.stopped.set(tenant, { attempts, error, retryAt: new Date(Date.now() + delay) });
    this.rest(tenant, delay);
  }

  rest(tenant: TenantId, milliseconds: number): void {
    this.resting.set(tenant, performance.now() + milliseconds);
  }

  isResting(tenant: TenantId): boolean {
    return this.resting.has(tenant);
  }

  /** It has gone on. */
  forget(tenant: TenantId): void {
    if (this.stopped.size > 0) this.stopped.delete(tenant);
  }

  /** Those that may be worked on again. */
  takeDue(): ReadonlySet<TenantId> {
    const due = new Set<TenantId>();
    const now = performance.now();
    for (const [tenant, dueAt] of this.resting) if (dueAt <= now) due.add(tenant);
    for (const tenant of due) this.resting.delete(tenant);
    return due;
  }

  nextDueIn(): number {
    const next = Math.min(Number.POSITIVE_INFINITY, ...this.resting.values());
    return Math.max(0, next - performance.now());
  }
}
