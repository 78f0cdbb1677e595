// A projection at work in this process, whichever way it is partitioned.
import type { GlobalPosition, StreamName } from '@concord/kernel';
import type { Signal } from '@concord/subscriptions';
import type { TenantId } from '@concord/tenancy';

/** What of a projection does not move on at present, and why. */
export interface ProjectionFailure {
  /** Of the projection's checkpoint or consumer group. */
  readonly name: string;
  readonly tenantId: TenantId;
  /** Only this stream waits; undefined: the tenant does, or its part in a slice. */
  readonly stream: StreamName | undefined;
  readonly error: unknown;
  readonly attempts: number;
  /** Undefined: the event is parked, and waits for an operator. */
  readonly retryAt: Date | undefined;
}

export interface RunningProjection {
  /** Raised when it has come further in this process. */
  readonly advanced: Signal;
  readonly failures: readonly ProjectionFailure[];
  /** How far it has come for a tenant at least, as far as this process knows. */
  positionOf(tenantId: TenantId): GlobalPosition | undefined;
  start(): Promise<void>;
  stop(): Promise<void>;
}
