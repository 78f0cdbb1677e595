// F2: the lock service, strict two-phase locking on streams: modes S, U and X, fair by age, without deadlock, with leases
// and fencing tokens (docs/adr/0018-lock-service.md). Commands do not use it yet: they will acquire as they load and fence as
// they append, in place of the advisory locks of libs/event-store.
export { LeaseLost, LockWaitTimeout, OwnerWounded } from './errors.js';
export type { LockHolder, LockMode } from './lock-holder.js';
export {
  type AcquireOptions,
  type Acquired,
  type GrantedLock,
  type ListedLock,
  type LockOwner,
  type LockRefusal,
  type LockRequest,
  LockService,
  type LockWait,
} from './lock-service.js';
export { type LockServiceSettings, lockServiceSettings, openLockService } from './open-lock-service.js';
export { PostgresLockService } from './postgres/postgres-lock-service.js';
export { RedisLockService } from './redis/redis-lock-service.js';
export type { LockServiceOptions } from './session/session-lock-service.js';
