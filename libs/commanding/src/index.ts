// F3: how a command runs.
export { Aggregates, type ReadOptions } from './aggregates.js';
export { CommandIdReused } from './command-id-reused.js';
export { type CommandClass } from './command-handlers.js';
export { CommandPipeline } from './command-pipeline.js';
export { CommandingOptions } from './commanding-options.js';
export { CommandingModule } from './commanding.module.js';
export { DecidedOnStaleState } from './decided-on-stale-state.js';
export { DistributedTransactions, type RunDistributed } from './distributed-transactions.js';
export { type ChangedStream, type CommandOutcome, DomainCommand, type Handles } from './domain-command.js';
export { rehearse, type Rehearsed } from './rehearsal.js';
export { commandEventId, FINGERPRINT as COMMAND_FINGERPRINT } from './unit-of-work.js';
export { type HandlerDeclarations, Isolation, type IsolationLevel, Reads } from './isolation.js';
export { InlineProjections } from './inline-projections.js';
