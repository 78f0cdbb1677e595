// An event in its three lives: decided by an aggregate, ready to append, and recorded.
import type { GlobalPosition, StreamPosition } from './position.js';
import type { StreamName } from './stream-name.js';

/** What an aggregate decides: a past-tense type and its facts, nothing about storage. */
export interface DomainEvent<Type extends string = string, Data = unknown> {
  readonly type: Type;
  readonly data: Data;
}

/** What travels beside the facts. Further keys are kept as they are. */
export interface EventMetadata {
  /** The conversation this event belongs to: the same from the first request to the last consequence. */
  readonly correlationId?: string;
  /** The message that caused this event: the id of a command or of an event. */
  readonly causationId?: string;
  readonly [key: string]: unknown;
}

/** An event to append. The same `id` appended again to the same stream is recognised and stored once. */
export interface NewEvent extends DomainEvent {
  /** A UUID. */
  readonly id: string;
  readonly metadata?: EventMetadata;
}

/** An event as the store gives it back. */
export interface RecordedEvent<Event extends DomainEvent = DomainEvent> {
  readonly id: string;
  readonly type: Event['type'];
  readonly data: Event['data'];
  readonly metadata: EventMetadata & { readonly tenantId: string; readonly recordedAt: Date };
  readonly stream: StreamName;
  readonly streamPosition: StreamPosition;
  readonly globalPosition: GlobalPosition;
  /** The link in whose place it was read. */
  readonly link?: RecordedEvent;
}
