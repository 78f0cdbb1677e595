// Why a lock was not acquired, or is not held any more.
import { ConcordError, type StreamName } from '@concord/kernel';
import type { LockHolder } from './lock-holder.js';

/** The wait for a lock took too long. `holders` had it when the wait ended, or were to have it before. */
export class LockWaitTimeout extends ConcordError {
  readonly code = 'lock-wait-timeout';

  constructor(
    readonly stream: StreamName,
    readonly waitedMs: number,
    readonly holders: readonly LockHolder[],
  ) {
    const names = holders.map(({ owner, label, mode }) => `${owner} (${mode}) of ${label || 'a process that is gone'}`);
    super(
      `"${stream}" was not free within ${waitedMs} ms: ${names.join(', ') || 'its holder has just left'}. Try again.`,
      { stream, waitedMs, holders },
    );
  }
}

/** An older owner needed a lock of this one, which has to give up: release, and begin again with LockService.again(). */
export class OwnerWounded extends ConcordError {
  readonly code = 'owner-wounded';
}

/** Nothing was heard of this process for longer than its lease: its locks may be others' by now. Release, and begin again. */
export class LeaseLost extends ConcordError {
  readonly code = 'lease-lost';
}
