// F4: transactions over several stores and services.
export { ResolutionRefused, TransactionAborted, TransactionInDoubt } from './two-phase/errors.js';
export { failpoints } from './two-phase/failpoints.js';
export { Transactional } from './two-phase/handlers/transactional.js';
export { TransactionalWork } from './two-phase/handlers/transactional-work.js';
export { TransactionsModule } from './two-phase/handlers/transactions.module.js';
export { RemoteParticipant } from './two-phase/http/remote-participant.js';
export { ServiceParticipant } from './two-phase/http/service-participant.js';
export { TwoPhaseModule } from './two-phase/http/two-phase.module.js';
export type { UnsettledTransaction } from './two-phase/in-doubt.js';
export { KurrentParticipant } from './two-phase/kurrent-participant.js';
export { Participant, type TransactionRef, type Vote } from './two-phase/participant.js';
export { PostgresParticipant } from './two-phase/postgres-participant.js';
export { TransactionCoordinator, type TransactionResult } from './two-phase/transaction-coordinator.js';
