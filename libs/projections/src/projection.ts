// How a projector says what it projects. A projection is a projector's code, a name and a version.
import { Injectable, type Type } from '@nestjs/common';
import { type DomainEvent, InvalidArgument, type RecordedEvent } from '@concord/kernel';
import { type ConsumerGroupOptions, methodsOf, On as OnEvent } from '@concord/subscriptions';
import type { ActiveRecord, RowType } from './active-record.js';
import type { RowKey } from './row-session.js';

/**
 * `inline`: in the command's transaction; with a store that cannot do that (EventStore.capabilities), right behind it, and
 * the command waits up to 5 s for it. `async`: behind it. Both exactly once.
 */
export type Consistency = 'inline' | 'async';

/**
 * Shares an asynchronous projection among processes. The streams are dealt into `slices`, 1 to 1024: the most processes that
 * work at a time. Their number is fixed for a version. The other options are those of a consumer group; `batchSize` is 500.
 */
export interface Slices extends Pick<
  ConsumerGroupOptions,
  'batchSize' | 'concurrency' | 'leaseMs' | 'maxAttempts' | 'retry' | 'whenParked'
> {
  readonly slices: number;
}

/** What @Projection declares. */
export interface ProjectionOptions {
  readonly name: string;
  /** Raise it when the rows would come out differently: they are built anew at the next start. */
  readonly version: number;
  /** The categories whose events are projected. */
  readonly categories: readonly string[];
  readonly consistency: Consistency;
  /** `single`, the default: one process works on a tenant at a time. */
  readonly partitioning?: 'single' | Slices;
  /**
   * An event that cannot be projected is tried again, later and later. `stop`, the default: for ever, and its tenant waits, or the
   * tenant's part in its slice. `park`, with slices only: `maxAttempts` times; then it is set aside, and only its stream waits.
   */
  readonly onFailure?: 'stop' | 'park';
  /** Every row class that the projector writes, and no other one: a rebuild empties them. */
  readonly rows: readonly RowType<ActiveRecord>[];
}

/** Projects one event. */
export type ProjectEvent = (event: RecordedEvent) => Promise<void>;

/** Names the rows that projecting an event will find. */
export type NameRows = (event: RecordedEvent) => RowKey | readonly RowKey[];

/** A projector instance with its declaration. */
export interface ProjectionDefinition extends ProjectionOptions {
  readonly handlers: ReadonlyMap<string, ProjectEvent>;
  /** By event type, where its method names its rows. */
  readonly rowsOf: ReadonlyMap<string, NameRows>;
}

const OPTIONS = Symbol('concord:projection');
const ROWS = Symbol('concord:projection:rows');
const MAX_SLICES = 1024;

/** Declares a projector class; it is then found among the providers of any module. */
export function Projection(options: ProjectionOptions): ClassDecorator {
  return (target) => {
    Reflect.defineMetadata(OPTIONS, options, target);
    Injectable()(target);
  };
}

/** What a projector's method says beside its event type. */
export interface OnOptions<Event extends DomainEvent> {
  /**
   * The rows that the method will find by their keys, named with `Row.at(key)`: those of all events of a batch are then loaded
   * with one statement a table, before the first event. Only for speed: what is not named is loaded when it is asked for.
   */
  readonly rows?: (event: RecordedEvent<Event>) => RowKey | readonly RowKey[];
}

/** Declares the method that projects an event type. */
export function On<Event extends DomainEvent>(
  eventType: Event['type'],
  { rows }: OnOptions<Event> = {},
): <Key extends string>(target: Record<Key, (event: RecordedEvent<Event>) => Promise<void>>, method: Key) => void {
  const mark = OnEvent<Event>(eventType);
  return (target, method) => {
    mark(target, method);
    if (!rows) return;
    const named = (Reflect.getOwnMetadata(ROWS, target) ?? {}) as Record<string, unknown>;
    Reflect.defineMetadata(ROWS, { ...named, [eventType]: rows }, target);
  };
}

/** Reads the declaration of a projector; undefined for any other class. Errors: a projector without methods throws. */
export function definitionOf(type: Type, instance: object): ProjectionDefinition | undefined {
  const options = Reflect.getMetadata(OPTIONS, type) as ProjectionOptions | undefined;
  if (!options) return undefined;
  const handlers = methodsOf<ProjectEvent>(type, instance);
  checkPartitioning(options);
  if (handlers.size === 0) throw new Error(`${type.name} projects nothing: mark its methods with @On('EventType')`);
  const rowsOf = (Reflect.getMetadata(ROWS, type.prototype as object) ?? {}) as Record<string, NameRows>;
  return { ...options, handlers, rowsOf: new Map(Object.entries(rowsOf)) };
}

/** A projection that is declared in slices. */
export interface SlicedDefinition extends ProjectionDefinition {
  readonly partitioning: Slices;
}

export function isSliced(projection: ProjectionDefinition): projection is SlicedDefinition {
  return typeof projection.partitioning === 'object';
}

function checkPartitioning({ name, consistency, onFailure, partitioning = 'single' }: ProjectionOptions): void {
  if (partitioning === 'single') {
    if (onFailure !== 'park') return;
    throw new InvalidArgument(
      `projection "${name}" parks nothing without slices: add \`partitioning: { slices: 16 }\``,
    );
  }
  if (consistency === 'inline') {
    throw new InvalidArgument(`projection "${name}" is inline, and so has no slices: make it async, or leave them out`);
  }
  const { slices } = partitioning;
  if (Number.isInteger(slices) && slices >= 1 && slices <= MAX_SLICES) return;
  throw new InvalidArgument(`projection "${name}" has a whole number of slices from 1 to ${MAX_SLICES}, not ${slices}`);
}

/** Names the checkpoint, or the consumer group, of a version of a projection. */
export function subscriptionName(projection: ProjectionOptions): string {
  return `projection:${projection.name}:${projection.version}`;
}
