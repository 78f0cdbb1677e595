// F4: what spans several aggregates, stores and services: process managers, which survive everything that may happen on the
// way, and transactions that commit or abort as one.
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
export { givenProcess, type ProcessOutcome } from './process-managers/process-scenario.js';
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
export { ResolutionRefused, TransactionAborted, TransactionInDoubt } from './two-phase/errors.js';
export { failpoints } from './two-phase/failpoints.js';
export { Transactional } from './two-phase/handlers/transactional.js';
export { TransactionalWork } from './two-phase/handlers/transactional-work.js';
export { TransactionsModule } from './two-phase/handlers/transactions.module.js';
export { RemoteParticipant } from './two-phase/http/remote-participant.js';
export { ServiceParticipant } from './two-phase/http/service-participant.js';
export { TwoPhaseModule } from './two-phase/http/two-phase.module.js';
export { KurrentParticipant } from './two-phase/kurrent-participant.js';
export { Participant, type TransactionRef, type Vote } from './two-phase/participant.js';
export { PostgresParticipant } from './two-phase/postgres-participant.js';
export { TransactionsDesk } from './two-phase/transactions-desk.js';
export { TransactionCoordinator, type TransactionResult } from './two-phase/transaction-coordinator.js';
