// The command line of the benchmark.
import { parseArgs } from 'node:util';
import { CONTENDERS, type CaseKind, type CaseName, type CaseSize, LINES, ON_REDIS, present } from './contender.js';
import { hasRedis } from './redis-server.js';

export interface Options {
  readonly rounds: number;
  readonly poolSize: number;
  readonly save: boolean;
  readonly cases: readonly CaseSize[];
  readonly warmUp: readonly CaseSize[];
  readonly contenders: readonly string[];
  readonly against: string | undefined;
}

const HELP = `npm run bench -- [options]
  --rounds <n>          rounds to take the medians of (5)
  --quick               2 rounds of a quarter of the work: a look, not a result
  --only <prefixes>     cases, such as append,command@8
  --contenders <names>  such as concord,emmett
  --against <checkout>  this framework as it is built in another folder, as a contender of its own
  --pool <n>            connections of each contender (20)
  --save                write bench/results/latest.json
`;

const KINDS: Partial<Record<CaseName, CaseKind>> = {
  append100: 'append100',
  read: 'read',
  projection: 'projection',
  catchup: 'catchup',
  live: 'live',
  waking: 'waking',
  'record-by-key': 'record',
  'kurrent-append@1': 'append',
  'kurrent-append@32': 'append',
  'kurrent-read': 'read',
  'redis-lock@8': 'lock',
};
/** What is done from its beginning to its end in one go. */
const IN_ONE_PIECE: readonly CaseKind[] = ['projection', 'catchup', 'live'];

const CASES: readonly CaseSize[] = [
  size('append@1', 'append to new streams, 1 in flight', 2_000, 1),
  size('append@8', 'append to new streams, 8 in flight', 6_000, 8),
  size('append@32', 'append to new streams, 32 in flight', 12_000, 32),
  size('append100', 'append 100 events a call, 4 in flight (events/s)', 40_000, 4),
  size('command@1', 'command, 1 in flight', 1_200, 1),
  size('command@8', 'command, 8 in flight', 6_000, 8),
  size('command@32', 'command, 32 in flight', 6_000, 32),
  size('warm@32', 'command on one of 500 streams, 32 in flight', 12_000, 32),
  size('hot@32', 'command on one stream, 32 in flight', 1_200, 32),
  size('locked@32', 'command under the lock service, 32 in flight', 6_000, 32),
  size('transfer@32', 'command on two accounts, 32 in flight', 6_000, 32, LINES.concordOne.name),
  size('lock@8', 'lock and release, 8 in flight', 16_000, 8, LINES.bareLock.name),
  size('two-phase@8', 'change of two stores, 8 in flight', 1_200, 8, LINES.twoCommits.name),
  size('read', 'read a stream of 10,000 (events/s)', 240_000, 1),
  size('projection', 'asynchronous projection (events/s)', 20_000, 1),
  size('catchup', 'catch-up of `$all` to a handler (events/s)', 100_000, 1),
  size('live', 'live at 1,000 appends/s (events/s)', 5_000, 1),
  size('waking', 'append while readers wait elsewhere, 32 in flight', 16_000, 32, LINES.concordAlone.name),
  size('record-by-key', 'one row of a read model by its key, 8 in flight', 40_000, 8, LINES.rawRecord.name),
  size('kurrent-append@1', 'over gRPC: append, 1 in flight', 2_000, 1, LINES.kurrentBare.name),
  size('kurrent-append@32', 'over gRPC: append, 32 in flight', 8_000, 32, LINES.kurrentBare.name),
  size('kurrent-read', 'over gRPC: read a stream of 10,000 (events/s)', 40_000, 1, LINES.kurrentBare.name),
  size('redis-lock@8', 'lock and unlock on Redis, 8 in flight', 80_000, 8, LINES.redisBare.name),
];

export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      contenders: { type: 'string' },
      against: { type: 'string' },
      pool: { type: 'string', default: '20' },
      save: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    process.exit(0);
  }
  const prefixes = values.only?.split(',');
  const wanted = possible().filter(({ name }) => prefixes?.some((prefix) => name.startsWith(prefix)) ?? true);
  if (wanted.length === 0) throw new Error(`no case begins with ${values.only ?? ''}`);
  return {
    rounds: Number(values.rounds ?? (values.quick ? 2 : 5)),
    poolSize: Number(values.pool),
    save: values.save,
    cases: values.quick ? wanted.map(smaller) : wanted,
    warmUp: values.quick ? wanted.map(smaller) : wanted,
    contenders: contendersOf(values.contenders, values.against).filter((name) => hasWork(name, wanted)),
    against: values.against,
  };
}

function possible(): readonly CaseSize[] {
  if (hasRedis()) return CASES;
  process.stderr.write('redis-lock@8 is left out: there is neither REDIS_URL nor a redis-server\n');
  return CASES.filter(({ kind }) => kind !== 'lock');
}

function contendersOf(names: string | undefined, against: string | undefined): string[] {
  const all = Object.keys(CONTENDERS).filter((name) => name !== 'before' && (hasRedis() || !ON_REDIS.includes(name)));
  const named = names?.split(',') ?? all;
  return against === undefined ? named : [...named, 'before'];
}

/** Whether a contender does one of the cases; nobody is opened for nothing. */
function hasWork(contender: string, wanted: readonly CaseSize[]): boolean {
  const lines = present(CONTENDERS[contender], `a contender called ${contender}`);
  return lines.some(({ cases }) => wanted.some(({ name }) => cases.includes(name)));
}

// eslint-disable-next-line max-params -- a table reads best with one case a line
function size(name: CaseName, title: string, count: number, inFlight: number, base?: string): CaseSize {
  const kind = KINDS[name] ?? (name.startsWith('append') ? 'append' : 'command');
  const slices = IN_ONE_PIECE.includes(kind) ? 1 : 4;
  return { name, kind, title, count, inFlight, slices, ...(base !== undefined && { base }) };
}

function smaller(what: CaseSize): CaseSize {
  return what.kind === 'read' ? { ...what, slices: 1, count: 10_000 } : { ...what, count: what.count / 4 };
}
