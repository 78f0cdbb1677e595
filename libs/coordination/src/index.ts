// F4: transactions over several stores and services.
export { DistributedTransaction } from './two-phase/distributed-transaction.js';
export { OutcomeContradicted, ResolutionRefused, TransactionAborted, TransactionInDoubt } from './two-phase/errors.js';
export { addFailpoint, clearFailpoints, type Failpoint, FAILPOINTS } from './two-phase/failpoints.js';
export { PeerFailed, type TwoPhasePeer } from './two-phase/http/caller.js';
export { RemoteParticipant, type RemoteParticipantOptions } from './two-phase/http/remote-participant.js';
export { type PrepareWork, ServiceParticipant } from './two-phase/http/service-participant.js';
export { TwoPhaseModule } from './two-phase/http/two-phase.module.js';
export type { TwoPhaseServiceOptions } from './two-phase/http/two-phase-service.js';
export type { ResolveOptions, UnsettledTransaction } from './two-phase/in-doubt.js';
export { KurrentParticipant } from './two-phase/kurrent-participant.js';
export {
  type NoReason,
  Participant,
  type ParticipantState,
  type PreparedTransaction,
  type TransactionOutcome,
  type TransactionRef,
  type Vote,
} from './two-phase/participant.js';
export { PostgresParticipant } from './two-phase/postgres-participant.js';
export { StoreParticipant, type StoreParticipantOptions } from './two-phase/store-participant.js';
export { type ChangedInStore, type LoadOptions, StoreSession, type StoreWork } from './two-phase/store-session.js';
export { Transactional, type TransactionalOptions } from './two-phase/handlers/transactional.js';
export { TransactionsModule, type TransactionsModuleOptions } from './two-phase/handlers/transactions.module.js';
export { TransactionalWork } from './two-phase/handlers/transactional-work.js';
export {
  type CoordinatorOptions,
  TransactionCoordinator,
  type TransactionOptions,
  type TransactionResult,
} from './two-phase/transaction-coordinator.js';
