// What is measured, and what every contender has to do for it.

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
  | 'read'
  | 'projection';

/** How often the thing that is counted is done in one measurement. */
export interface CaseSize {
  readonly name: CaseName;
  readonly title: string;
  readonly count: number;
  readonly inFlight: number;
  /** In how many pieces a round measures it, the contenders taking turns piece by piece: noise comes in bursts. */
  readonly slices: number;
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
  readonly poolSize: number;
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

/** An event store under test. `id` names an account; what its stream is called is the contender's affair. */
export interface Contender {
  open(settings: Settings): Promise<void>;
  close(): Promise<void>;
  /** Appends one event to a stream that must not exist. */
  append(id: string): Promise<void>;
  /** Appends so many events in one call to a stream that must not exist. */
  appendMany?(id: string, events: number): Promise<void>;
  /** Loads a stream, decides, and appends one event where the stream was left. */
  command(line: string, id: string, hasConflicts: boolean): Promise<void>;
  /** Reads a stream from its beginning, each event parsed, and counts. */
  read(id: string): Promise<number>;
  seed(seeds: readonly Seed[]): Promise<void>;
  seedProjection(seeds: readonly Seed[]): Promise<void>;
  /** Empties the table and the checkpoint of the projection. */
  prepareProjection(line: string): Promise<ProjectionRun>;
  /** Values of settings, for the check that commits are durable. */
  show(setting: string): Promise<string>;
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

export const LINES = {
  concord: { name: 'concord', cases: WITH_RETRIES },
  concordBus: { name: 'concord, CommandBus', cases: ['command@1', 'command@8', 'command@32', 'hot@32'] },
  concordCommandId: { name: 'concord, command id', cases: ['command@8'] },
  concordSql: { name: 'concord, SQL handler', cases: ['projection'] },
  emmett: { name: 'emmett', cases: WITH_RETRIES },
  messageDb: { name: 'message-db', cases: EVERY },
  raw: { name: 'raw pg', cases: [...EVERY, 'append100'] },
  before: { name: 'concord, before', cases: WITH_RETRIES },
} satisfies Record<string, Line>;

/** Which lines a contender runs. */
export const CONTENDERS: Readonly<Record<string, readonly Line[]>> = {
  concord: [LINES.concord, LINES.concordBus, LINES.concordCommandId, LINES.concordSql],
  emmett: [LINES.emmett],
  'message-db': [LINES.messageDb],
  raw: [LINES.raw],
  // Only with --against.
  before: [LINES.before],
};

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
export const PROJECTION_STREAMS = 500;
