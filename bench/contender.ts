// What is measured, and what every contender has to do for it.
import type { Deposit } from './account.js';

/** The cases, in the order in which they are run and shown. */
export type CaseName =
  | 'append@1'
  | 'append@8'
  | 'append@32'
  | 'append100'
  | 'command@1'
  | 'command@8'
  | 'command@32'
  | 'warm@32'
  | 'hot@32'
  | 'locked@32'
  | 'transfer@32'
  | 'lock@8'
  | 'two-phase@8'
  | 'read'
  | 'projection'
  | 'catchup'
  | 'live'
  | 'waking'
  | 'record-by-key'
  | 'kurrent-append@1'
  | 'kurrent-append@32'
  | 'kurrent-read'
  | 'redis-lock@8';

/** How a case is measured. */
export type CaseKind =
  'append' | 'append100' | 'command' | 'read' | 'projection' | 'catchup' | 'live' | 'waking' | 'lock' | 'record';

/** How often the thing that is counted is done in one measurement. */
export interface CaseSize {
  readonly name: CaseName;
  readonly kind: CaseKind;
  readonly title: string;
  readonly count: number;
  readonly inFlight: number;
  /** In how many pieces a round measures it, the contenders taking turns piece by piece: noise comes in bursts. */
  readonly slices: number;
  /** The line that the others of this case are compared with, where it is none of the peers. */
  readonly base?: string;
}

/** What one measurement came to. Times in seconds. */
export interface Measured {
  readonly seconds: number;
  /** CPU time of the contender's process, without PostgreSQL. */
  readonly cpu: number;
  readonly latency?: Latency;
}

/** Milliseconds: from an event's commit to its handler, and from the moment at which its append was due. */
export interface Latency {
  readonly commitToHandler: Percentiles;
  readonly dueToHandler: Percentiles;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** One way of doing a case. The plain one of each contender is called like the contender. */
export interface Line {
  readonly name: string;
  readonly cases: readonly CaseName[];
}

export interface Settings {
  /** A database of this contender's own. */
  readonly url: string;
  /** Another one, which holds nothing but the events that are projected. */
  readonly projectionUrl: string;
  /** And one that holds nothing but the feed of the catch-up. */
  readonly feedUrl: string;
  readonly poolSize: number;
  /** An EventStoreDB, for those who need one. */
  readonly eventStoreUrl: string | undefined;
  /** A Redis, for those who need one. */
  readonly redisUrl: string | undefined;
}

/** A stream to make before measuring. */
export interface Seed {
  readonly id: string;
  readonly events: number;
}

/** A projection, ready to run from the first event to the last. */
export interface ProjectionRun {
  run(): Promise<void>;
  /** What is in the table afterwards. */
  result(): Promise<ProjectionResult>;
}

export interface ProjectionResult {
  readonly rows: number;
  readonly events: number;
}

/** A handler that is to see all there is, from the first event on. */
export interface CatchUp {
  /** How many events that are: whoever is slow may be given fewer, and its time is reckoned up. */
  readonly events: number;
  run(seen: (deposit: Deposit) => void): Promise<void>;
}

/**
 * An event store under test. `id` names an account; what its stream is called is the contender's affair. What is optional is
 * for the cases that its lines name.
 */
export interface Contender {
  open(settings: Settings): Promise<void>;
  close(): Promise<void>;
  /** Appends one event to a stream that must not exist. */
  append?(id: string): Promise<void>;
  /** Appends so many events in one call to a stream that must not exist. */
  appendMany?(id: string, events: number): Promise<void>;
  /** Loads a stream, decides, and appends one event where the stream was left. */
  command?(line: string, id: string, hasConflicts: boolean): Promise<void>;
  /** Reads a stream from its beginning, each event parsed, and counts. */
  read?(id: string): Promise<number>;
  seed?(seeds: readonly Seed[]): Promise<void>;
  seedProjection?(seeds: readonly Seed[]): Promise<void>;
  /** Empties the table and the checkpoint of the projection. */
  prepareProjection?(line: string): Promise<ProjectionRun>;
  seedFeed?(seeds: readonly Seed[]): Promise<void>;
  /** `events`: how many were seeded. */
  prepareCatchUp?(line: string, events: number): Promise<CatchUp>;
  /** Appends so many events at a steady rate to a live handler, whatever the answers take. */
  live?(line: string, events: number): Promise<{ readonly seconds: number; readonly latency: Latency }>;
  /** Lets readers wait, as the line has it, while `work` appends. */
  waking?(line: string, work: () => Promise<Measured>): Promise<Measured>;
  /** Makes a row of a read model for each id. */
  seedRecords?(ids: readonly string[]): Promise<void>;
  /** Finds one of them by its key. */
  record?(id: string): Promise<void>;
  /** Locks what nobody else wants, and gives it back. */
  lock?(id: string): Promise<void>;
  /** Values of settings, for the check that commits are durable; undefined on a server that has none. */
  show(setting: string): Promise<string | undefined>;
  /** Runs VACUUM ANALYZE, for plans that fit what was seeded. */
  vacuum(): Promise<void>;
}

const EVERY: readonly CaseName[] = [
  'append@1',
  'append@8',
  'append@32',
  'command@1',
  'command@8',
  'command@32',
  'warm@32',
  'read',
  'projection',
];
const WITH_RETRIES: readonly CaseName[] = [...EVERY, 'append100', 'hot@32'];

const KURRENT: readonly CaseName[] = ['kurrent-append@1', 'kurrent-append@32', 'kurrent-read'];

export const LINES = {
  concord: { name: 'concord', cases: [...WITH_RETRIES, 'catchup', 'live'] },
  concordBus: { name: 'concord, CommandBus', cases: ['command@1', 'command@8', 'command@32', 'hot@32'] },
  concordCommandId: { name: 'concord, command id', cases: ['command@8'] },
  concordLocked: { name: 'concord, lock service', cases: ['locked@32'] },
  concordTransfer: { name: 'concord, two accounts', cases: ['transfer@32'] },
  concordOne: { name: 'concord, one account', cases: ['transfer@32'] },
  concordLock: { name: 'concord, lock and release', cases: ['lock@8'] },
  bareLock: { name: 'bare advisory lock', cases: ['lock@8'] },
  twoPhase: { name: 'concord, two stores', cases: ['two-phase@8'] },
  twoCommits: { name: 'concord, two commits', cases: ['two-phase@8'] },
  preparedByHand: { name: 'PREPARE TRANSACTION', cases: ['two-phase@8'] },
  concordSql: { name: 'concord, SQL handler', cases: ['projection'] },
  concordFollow: { name: 'concord, followFeed', cases: ['catchup'] },
  concordElsewhere: { name: 'concord, other process', cases: ['live'] },
  concordAlone: { name: 'concord, no reader', cases: ['waking'] },
  concordWaited: { name: 'concord, 4 readers wait', cases: ['waking'] },
  concordFollowed: { name: 'concord, 4 consumers work', cases: ['waking'] },
  concordRecord: { name: 'concord, row by key', cases: ['record-by-key'] },
  rawRecord: { name: 'raw pg, row by key', cases: ['record-by-key'] },
  emmett: { name: 'emmett', cases: [...WITH_RETRIES, 'catchup', 'locked@32'] },
  messageDb: { name: 'message-db', cases: EVERY },
  raw: { name: 'raw pg', cases: [...EVERY, 'append100', 'catchup'] },
  kurrent: { name: 'concord, Kurrent adapter', cases: KURRENT },
  kurrentBare: { name: 'bare db-client', cases: KURRENT },
  redisLocks: { name: 'concord, locks on Redis', cases: ['redis-lock@8'] },
  redisBare: { name: 'bare ioredis', cases: ['redis-lock@8'] },
  before: { name: 'concord, before', cases: WITH_RETRIES },
} satisfies Record<string, Line>;

/** Which lines a contender runs. */
export const CONTENDERS: Readonly<Record<string, readonly Line[]>> = {
  concord: [
    LINES.concord,
    LINES.concordBus,
    LINES.concordCommandId,
    LINES.concordLocked,
    LINES.concordTransfer,
    LINES.concordOne,
    LINES.concordLock,
    LINES.bareLock,
    LINES.concordSql,
    LINES.concordFollow,
    LINES.concordElsewhere,
    LINES.concordAlone,
    LINES.concordWaited,
    LINES.concordFollowed,
    LINES.concordRecord,
  ],
  'two-stores': [LINES.twoPhase, LINES.twoCommits, LINES.preparedByHand],
  emmett: [LINES.emmett],
  'message-db': [LINES.messageDb],
  raw: [LINES.raw, LINES.rawRecord],
  kurrent: [LINES.kurrent],
  'kurrent-bare': [LINES.kurrentBare],
  'redis-locks': [LINES.redisLocks],
  'redis-bare': [LINES.redisBare],
  // Only with --against.
  before: [LINES.before],
};

/** Which contenders need an EventStoreDB to talk to. */
export const ON_EVENTSTORE: readonly string[] = ['kurrent', 'kurrent-bare'];
/** And which a Redis. */
export const ON_REDIS: readonly string[] = ['redis-locks', 'redis-bare'];

/** The element, or an error: a benchmark does not go on with a hole in its data. */
export function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`${what} is missing`);
  return value;
}

/** What append100 appends in one call. */
export const MANY = 100;
/** How many streams warm@32 goes round. */
export const WARM_STREAMS = 500;
export const READ_LENGTH = 10_000;
/** Rows that are found by key. */
export const RECORDS = 5_000;
export const PROJECTION_STREAMS = 500;
/** Over how many streams the events of the catch-up are spread, round robin. */
export const FEED_STREAMS = 2_000;
/** How many readers wait in waking. */
export const READERS = 4;
/** Appends a second in live. */
export const LIVE_RATE = 1_000;
