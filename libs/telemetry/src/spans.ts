// Every span there is. docs/reference/telemetry.md is this list for people, and a test compares the two.

/** A span: its name is `operation` and, mostly, a target. */
export interface SpanDefinition {
  readonly operation: string;
  /** What stands behind the operation in its name. */
  readonly target: string;
  readonly kind: 'client' | 'consumer' | 'internal' | 'server';
  readonly what: string;
  readonly attributes: readonly string[];
}

const STORE = ['db.system.name', 'db.operation.name', 'concord.tenant.id', 'error.type'];
const MESSAGING = [
  'messaging.system.name',
  'messaging.operation.name',
  'messaging.operation.type',
  'messaging.destination.name',
  'messaging.consumer.group.name',
  'concord.tenant.id',
  'error.type',
];

const spans = {
  request: {
    operation: 'the method',
    target: 'the route',
    kind: 'server',
    what: "A request at the bank's door, where no instrumentation of HTTP has begun a span for it.",
    attributes: ['http.request.method', 'http.route', 'http.response.status_code', 'url.scheme', 'error.type'],
  },
  command: {
    operation: 'execute',
    target: 'the command class',
    kind: 'internal',
    what: 'A command from the pipeline to its answer, all attempts.',
    attributes: [
      'concord.command.type',
      'concord.command.outcome',
      'concord.command.attempts',
      'concord.tenant.id',
      'error.type',
    ],
  },
  append: {
    operation: 'append',
    target: 'the category',
    kind: 'client',
    what: "A caller's append, from the call to its answer. Its context is what the events carry.",
    attributes: [...STORE, 'concord.stream.category', 'concord.stream.count', 'concord.event.count'],
  },
  'append batch': {
    operation: 'append_batch',
    target: '`concord.events`',
    kind: 'client',
    what: 'A call to PostgreSQL that carries several appends; linked to each of them, and no part of their traces.',
    attributes: ['db.system.name', 'db.operation.name', 'db.collection.name', 'db.operation.batch.size', 'error.type'],
  },
  commit: {
    operation: 'commit',
    target: 'the category',
    kind: 'client',
    what: 'On KurrentDB: the append of what was decided in a transaction, sent when it ends.',
    attributes: [...STORE, 'concord.stream.category'],
  },
  load: {
    operation: 'load',
    target: 'the category',
    kind: 'client',
    what: 'A load of aggregates, without a lock.',
    attributes: [...STORE, 'concord.stream.category', 'concord.stream.count'],
  },
  'lock and load': {
    operation: 'lock_and_load',
    target: 'the category',
    kind: 'client',
    what: 'The wait for the locks of streams, and the load of their aggregates.',
    attributes: [...STORE, 'concord.stream.category', 'concord.stream.count'],
  },
  'read stream': {
    operation: 'read',
    target: 'the category',
    kind: 'client',
    what: 'A read of a stream, from the first event asked for to the last.',
    attributes: [...STORE, 'concord.stream.category', 'concord.event.count'],
  },
  'read feed': {
    operation: 'read_feed',
    target: '',
    kind: 'client',
    what: 'A page of the feed. Only within another span: consumers look too often to be told of each time.',
    attributes: STORE,
  },
  process: {
    operation: 'process',
    target: 'the consumer group',
    kind: 'consumer',
    what: 'One event in the hands of the handler of a consumer group; its parent is the append of the event.',
    attributes: [
      ...MESSAGING,
      'messaging.message.id',
      'concord.event.type',
      'concord.delivery.attempt',
      'concord.slice',
    ],
  },
  'process batch': {
    operation: 'process',
    target: 'the consumer',
    kind: 'consumer',
    what: "A consumer's batch, a trace of its own, linked to the appends of its events.",
    attributes: [...MESSAGING, 'messaging.batch.message_count'],
  },
  project: {
    operation: 'project',
    target: 'the projection',
    kind: 'internal',
    what: 'Events applied to a projection: within the command, the batch of its consumer, or a rebuild.',
    attributes: ['concord.projection.name', 'concord.event.count', 'concord.tenant.id', 'error.type'],
  },
} as const satisfies Readonly<Record<string, SpanDefinition>>;

/** Which span. */
export type SpanId = keyof typeof spans;

/** Every span there is. */
export const SPANS: Readonly<Record<SpanId, SpanDefinition>> = spans;
