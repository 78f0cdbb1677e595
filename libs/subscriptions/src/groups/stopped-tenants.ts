// Tenants of a slice that an event has stopped: tried again later and later, never passed over.
import type { TenantId } from '@concord/tenancy';
import { type Backoff, delayOf } from '../backoff.js';

interface Stopped {
  readonly attempts: number;
  readonly dueAt: number;
}

export class StoppedTenants {
  private readonly tenants = new Map<TenantId, Stopped>();
  /** Their next attempt is under way. */
  private readonly attempted = new Map<TenantId, number>();

  stop(tenant: TenantId, backoff: Backoff): void {
    const attempts = (this.attempted.get(tenant) ?? 0) + 1;
    this.attempted.delete(tenant);
    this.tenants.set(tenant, { attempts, dueAt: performance.now() + delayOf(backoff, attempts) });
  }

  has(tenant: TenantId): boolean {
    return this.tenants.has(tenant);
  }

  /** Those whose next attempt is due: they may go on. */
  takeDue(): readonly TenantId[] {
    if (this.tenants.size === 0) return [];
    const now = performance.now();
    const due = [...this.tenants].filter(([, { dueAt }]) => dueAt <= now);
    for (const [tenant, { attempts }] of due) {
      this.tenants.delete(tenant);
      this.attempted.set(tenant, attempts);
    }
    return due.map(([tenant]) => tenant);
  }

  /** The attempt went well. */
  forget(tenant: TenantId): void {
    if (this.attempted.size > 0) this.attempted.delete(tenant);
  }

  nextDueIn(): number {
    if (this.tenants.size === 0) return Number.POSITIVE_INFINITY;
    const next = Math.min(...[...this.tenants.values()].map(({ dueAt }) => dueAt));
    return Math.max(0, next - performance.now());
  }
}
