// Every metric there is, with its unit in UCUM. docs/reference/telemetry.md is this list for people, and a test compares the
// two. No metric has a tenant, a stream or an id: there is no end of those.

/** A metric: gauges are read whenever the SDK collects, all others are written as things happen. */
export interface MetricDefinition {
  readonly kind: 'histogram' | 'counter' | 'gauge';
  readonly unit: string;
  readonly what: string;
  readonly attributes: readonly string[];
  /** Of a histogram. */
  readonly boundaries?: readonly number[];
}

// The conventions' own, for db.client.operation.duration.
const SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
// A command answered from memory takes less than a millisecond.
const SHORT_SECONDS = [0.000_5, ...SECONDS];
// A timer may wait for as long as no process runs.
const LONG_SECONDS = [...SECONDS, 60, 600, 3600];
const COUNTS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

const metrics = {
  'db.client.operation.duration': {
    kind: 'histogram',
    unit: 's',
    what: 'Appends (as their callers see them, waits included) and loads.',
    attributes: ['db.system.name', 'db.operation.name', 'error.type'],
    boundaries: SHORT_SECONDS,
  },
  'concord.append.batch.appends': {
    kind: 'histogram',
    unit: '{append}',
    what: 'Appends in one call of the group commit.',
    attributes: ['db.system.name'],
    boundaries: COUNTS,
  },
  'concord.append.batch.events': {
    kind: 'histogram',
    unit: '{event}',
    what: 'Events in one call of the group commit.',
    attributes: ['db.system.name'],
    boundaries: COUNTS,
  },
  'concord.append.conflicts': {
    kind: 'counter',
    unit: '{conflict}',
    what: 'Appends refused because the stream was not at the expected version.',
    attributes: ['db.system.name'],
  },
  'concord.command.duration': {
    kind: 'histogram',
    unit: 's',
    what: 'Commands, all attempts and the waits between them included.',
    attributes: ['concord.command.type', 'concord.command.outcome', 'error.type'],
    boundaries: SHORT_SECONDS,
  },
  'concord.command.retries': {
    kind: 'counter',
    unit: '{attempt}',
    what: 'Attempts after the first.',
    attributes: ['concord.command.type'],
  },
  'messaging.process.duration': {
    kind: 'histogram',
    unit: 's',
    what: 'Handlers of consumers (a batch) and of consumer groups (an event).',
    attributes: ['messaging.system.name', 'messaging.operation.name', 'messaging.consumer.group.name', 'error.type'],
    boundaries: SHORT_SECONDS,
  },
  'concord.feed.lag': {
    kind: 'gauge',
    unit: '{position}',
    what: 'Positions above the horizon, as the watch over the feed last saw.',
    attributes: [],
  },
  'concord.feed.hidden_time': {
    kind: 'gauge',
    unit: 's',
    what: 'For how long the oldest committed event has been hidden; 0 when none is.',
    attributes: [],
  },
  'concord.feed.hints_connected': {
    kind: 'gauge',
    unit: '1',
    what: '1 when the connection that wakes readers is there, 0 when it is lost or has not been needed.',
    attributes: [],
  },
  'concord.consumer.lag': {
    kind: 'gauge',
    unit: '{position}',
    what: "Global positions that a consumer's slowest tenant is behind, as it last looked.",
    attributes: ['messaging.consumer.group.name'],
  },
  'concord.consumer.failing_tenants': {
    kind: 'gauge',
    unit: '{tenant}',
    what: 'Tenants whose batch has failed and is to be tried again.',
    attributes: ['messaging.consumer.group.name'],
  },
  'concord.consumer_group.slice.lag': {
    kind: 'gauge',
    unit: '{position}',
    what: "Global positions that a slice's slowest tenant is behind; told by its owner.",
    attributes: ['messaging.consumer.group.name', 'concord.slice'],
  },
  'concord.consumer_group.parked': {
    kind: 'gauge',
    unit: '{event}',
    what: 'Parked events of the slices that this process owns: add up the processes.',
    attributes: ['messaging.consumer.group.name'],
  },
  'concord.consumer_group.waiting_streams': {
    kind: 'gauge',
    unit: '{stream}',
    what: 'Streams of those slices that wait for their next attempt, or for an operator.',
    attributes: ['messaging.consumer.group.name'],
  },
  'concord.transaction.duration': {
    kind: 'histogram',
    unit: 's',
    what: 'Distributed transactions, from the first attempt to the last answer of a participant.',
    attributes: ['concord.transaction.outcome', 'error.type'],
    boundaries: SHORT_SECONDS,
  },
  'concord.transaction.in_doubt': {
    kind: 'gauge',
    unit: '{transaction}',
    what: 'Distributed transactions that this process can see and that should have come to their end: above 0 for long, look.',
    attributes: [],
  },
  'concord.transaction.forced': {
    kind: 'counter',
    unit: '{transaction}',
    what: 'Distributed transactions that an operator has forced.',
    attributes: ['concord.transaction.outcome'],
  },
  'concord.process.step.duration': {
    kind: 'histogram',
    unit: 's',
    what: 'What process managers do: an event or a timer handled, a command sent or undone, and the record of it.',
    attributes: ['concord.process.name', 'concord.process.step.kind', 'error.type'],
    boundaries: SHORT_SECONDS,
  },
  'concord.process.retries': {
    kind: 'counter',
    unit: '{attempt}',
    what: 'Attempts at a step that failed and are made again.',
    attributes: ['concord.process.name'],
  },
  'concord.process.quarantined': {
    kind: 'counter',
    unit: '{instance}',
    what: 'Instances of process managers that were set aside: somebody has to look.',
    attributes: ['concord.process.name'],
  },
  'concord.process.timer.lateness': {
    kind: 'histogram',
    unit: 's',
    what: 'How long after its time a timer fired.',
    attributes: ['concord.process.name'],
    boundaries: LONG_SECONDS,
  },
  'concord.process.instances': {
    kind: 'gauge',
    unit: '{instance}',
    what: 'Instances in the database with something to do, and those set aside: take one process, and do not add up.',
    attributes: ['concord.process.name', 'concord.process.state'],
  },
  'concord.transaction.contradictions': {
    kind: 'counter',
    unit: '{transaction}',
    what: 'Times that a participant was found to have done otherwise than was decided: alarm on any.',
    attributes: [],
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

/** Which metric. */
export type MetricName = keyof typeof metrics;

/** Those of one kind. */
export type MetricOf<Kind extends MetricDefinition['kind']> = {
  [Name in MetricName]: (typeof metrics)[Name]['kind'] extends Kind ? Name : never;
}[MetricName];

/** Every metric there is. */
export const METRICS: Readonly<Record<MetricName, MetricDefinition>> = metrics;
