// F4: what spans several aggregates, and what survives everything that may happen on the way.
export type { Duration } from './process-managers/duration.js';
export {
  type AppliedStep,
  type CompensatedProcess,
  ContinuesOn,
  type FiredTimer,
  OnApplied,
  OnCompensated,
  OnRefused,
  OnTimer,
  ProcessManager,
  type RefusedStep,
  StartsOn,
} from './process-managers/process-manager.js';
export {
  type ExpectedCommand,
  givenProcess,
  type Happening,
  type ProcessOutcome,
} from './process-managers/process-scenario.js';
export { ProcessManagersModule } from './process-managers/process-managers.module.js';
export { ProcessRuntime } from './process-managers/process-runtime.js';
export type { ProcessStep } from './process-managers/process-step.js';
export type { ProcessFailure } from './process-managers/process-work.js';
export {
  type ProcessDetails,
  Processes,
  ProcessNotReleasable,
  type ProcessSummary,
} from './process-managers/processes.js';
