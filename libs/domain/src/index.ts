// F1: what a domain model is written with. Pure: no Nest, no database, no clock.
export { AggregateRoot, type AggregateType, type AnyAggregate, type SnapshotPolicy } from './aggregate-root.js';
export { ensure, invariant, type Invariant, InvariantBroken, type InvariantKind } from './invariant.js';
export { given, type Outcome } from './scenario.js';
export { type Personal, personal } from './personal.js';
export type { Upcast } from './upcast.js';
