// In which state an instance is left after a run.
import type { InstanceRun } from './instance-run.js';
import type { Claimed, ProcessStatus, Released } from './process-rows.js';

/** What is to be remembered beside it. */
export interface Leave {
  readonly attempts: number;
  readonly reason?: string;
  /** When it has to be looked at next, in any case. */
  readonly due?: Date;
}

export function releaseOf(claimed: Claimed, run: InstanceRun | undefined, { attempts, reason, due }: Leave): Released {
  const { process, tenant, instance, woken } = claimed;
  const timer = run?.instance.nextTimer?.dueAt;
  const next = due ?? timer;
  return {
    process,
    tenant,
    instance,
    status: run ? statusOf(run) : 'running',
    version: run && run.instance.version > 0 ? run.instance.version : (claimed.version ?? null),
    attempts,
    reason: reason ?? run?.instance.quarantined?.reason ?? run?.instance.failure ?? null,
    woken: woken.toString(),
    due: next?.toISOString() ?? null,
    handled: run ? [...run.done] : [],
  };
}

function statusOf({ instance }: InstanceRun): ProcessStatus {
  if (instance.quarantined) return 'quarantined';
  switch (instance.phase) {
    case 'completed':
    case 'compensated':
    case 'compensating':
      return instance.phase;
    case 'new':
    case 'running':
    case 'ending':
      return 'running';
  }
}
