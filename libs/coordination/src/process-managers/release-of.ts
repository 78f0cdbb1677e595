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

/** `run` is undefined where there was no code for it. */
export function releaseOf(claimed: Claimed, run: InstanceRun | undefined, leave: Leave): Released {
  const { process, tenant, instance, woken, version } = claimed;
  const common = { process, tenant, instance, woken: woken.toString(), attempts: leave.attempts };
  if (!run) return { ...common, ...unknownHere(version, leave) };
  const left = run.instance;
  return {
    ...common,
    status: statusOf(run),
    version: left.version > 0 ? left.version : (version ?? null),
    reason: leave.reason ?? reasonIn(run),
    due: isoOf(leave.due ?? left.nextTimer?.dueAt),
    handled: [...run.done],
  };
}

function unknownHere(version: number | undefined, { reason, due }: Leave) {
  return { status: 'running', version: version ?? null, reason: reason ?? null, due: isoOf(due), handled: [] } as const;
}

function reasonIn({ instance }: InstanceRun): string | null {
  return instance.quarantined?.reason ?? instance.failure ?? null;
}

function isoOf(time: Date | undefined): string | null {
  return time?.toISOString() ?? null;
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
