// The command line of the benchmark.
import { parseArgs } from 'node:util';
import { CONTENDERS, type CaseName, type CaseSize } from './contender.js';

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
  size('read', 'read a stream of 10,000 (events/s)', 40_000, 1),
  size('projection', 'asynchronous projection (events/s)', 20_000, 1),
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
  const wanted = CASES.filter(({ name }) => prefixes?.some((prefix) => name.startsWith(prefix)) ?? true);
  return {
    rounds: Number(values.rounds ?? (values.quick ? 2 : 5)),
    poolSize: Number(values.pool),
    save: values.save,
    cases: values.quick ? wanted.map(smaller) : wanted,
    warmUp: wanted.map(smaller),
    contenders: [
      ...(values.contenders?.split(',') ?? Object.keys(CONTENDERS).filter((name) => name !== 'before')),
      ...(values.against === undefined ? [] : ['before']),
    ],
    against: values.against,
  };
}

function size(name: CaseName, title: string, count: number, inFlight: number): CaseSize {
  return { name, title, count, inFlight, slices: name === 'projection' ? 1 : 4 };
}

function smaller(what: CaseSize): CaseSize {
  return what.name === 'read' ? { ...what, slices: 1, count: 10_000 } : { ...what, count: what.count / 4 };
}
