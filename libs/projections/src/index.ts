// F4: projectors, Active Record read models, rebuild.
export { ActiveRecord, asBigint } from './active-record.js';
export type { CompareOptions, ProjectionComparison } from './comparison.js';
export type { Scope } from './conditions.js';
export type { Page } from './page.js';
export { PositionWaits } from './position-waits.js';
export {
  type Consistency,
  On,
  Projection,
  type ProjectionDefinition,
  type ProjectionOptions,
  type Slices,
} from './projection.js';
export { PartitioningChanged, ProjectorReachesOut, RowsProjectedTwice } from './projection-errors.js';
export { Projections, type RebuildOptions } from './projections.js';
export { ProjectionsModule } from './projections.module.js';
export { ReadModels } from './read-models.js';
export type { RebuildProgress } from './rebuild.js';
export { BelongsTo, HasMany, HasOne, type Related } from './relations.js';
export {
  CursorInvalid,
  ReadModelIsReadOnly,
  RowInvalid,
  RowIsGone,
  RowIsStale,
  RowScopeMissing,
  ViewIsReadOnly,
} from './row-errors.js';
export { projectingRows, readingRows } from './row-scope.js';
export type { RowKey } from './row-session.js';
export type { ProjectionFailure } from './running-projection.js';
export { type FindRows, type PageOptions, type RowType, ViewRecord } from './view-record.js';
