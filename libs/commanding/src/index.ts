// F3: how a command runs.
export { Aggregates } from './aggregates.js';
export { CommandIdReused } from './command-id-reused.js';
export { type CommandClass } from './command-handlers.js';
export { CommandPipeline } from './command-pipeline.js';
export { CommandingModule } from './commanding.module.js';
export { DistributedTransactions, type RunDistributed } from './distributed-transactions.js';
export { type ChangedStream, type CommandOutcome, DomainCommand, type Handles } from './domain-command.js';
export { commandEventId } from './unit-of-work.js';
export { InlineProjections } from './inline-projections.js';
