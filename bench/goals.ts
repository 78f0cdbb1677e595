// What is to be reached, and whether it was.
import { type CaseName, LINES } from './contender.js';
import { type CaseResult, type Row, rowsOf } from './report.js';

type Ratio = 'toEmmett' | 'toMessageDb' | 'toRaw' | 'toBase';

const NAMES: Readonly<Record<Ratio, string>> = {
  toEmmett: 'x Emmett',
  toMessageDb: 'x message-db',
  toRaw: 'x raw pg',
  toBase: 'x base',
};

/** The least ratios by case, of the line `concord` unless another one is named. */
const LEAST: Partial<Record<CaseName, Partial<Record<Ratio, number>>>> = {
  'append@1': { toRaw: 0.85 },
  'append@32': { toRaw: 1.8, toEmmett: 8, toMessageDb: 3.5 },
  append100: { toRaw: 0.8 },
  'command@32': { toEmmett: 8, toMessageDb: 4 },
  'hot@32': { toEmmett: 100 },
  'locked@32': { toEmmett: 8 },
  'transfer@32': { toBase: 0.5 },
  'lock@8': { toBase: 0.8 },
  'two-phase@8': { toBase: 0.55 },
  read: { toRaw: 0.9 },
  catchup: { toRaw: 0.5, toEmmett: 10 },
  waking: { toBase: 0.9 },
  'record-by-key': { toBase: 0.7 },
  // Less than 15 % on top of the bare client's time.
  'kurrent-append@1': { toBase: 1 / 1.15 },
  'kurrent-append@32': { toBase: 1 / 1.15 },
  'kurrent-read': { toBase: 1 / 1.15 },
  'redis-lock@8': { toBase: 0.8 },
};
const LEAST_ANYWHERE: Partial<Record<Ratio, number>> = { toEmmett: 1.5 };
const MOST_P99_MS = 5;

/** Whose figure counts. */
const JUDGED: readonly string[] = [
  LINES.concord.name,
  LINES.concordElsewhere.name,
  LINES.concordLocked.name,
  LINES.concordTransfer.name,
  LINES.concordLock.name,
  LINES.twoPhase.name,
  LINES.concordWaited.name,
  LINES.concordRecord.name,
  LINES.kurrent.name,
  LINES.redisLocks.name,
];

/** How the goals stand, one line each; goals without figures are left out. */
export function verdict(results: readonly CaseResult[]): string {
  const rows = results.flatMap(rowsOf).filter(({ line }) => JUDGED.includes(line));
  return rows.flatMap((row) => [...ratiosOf(row), ...latencyOf(row)]).join('\n');
}

function ratiosOf(row: Row): string[] {
  const least = { ...LEAST_ANYWHERE, ...LEAST[row.case as CaseName] };
  return (Object.keys(least) as Ratio[]).flatMap((ratio) => {
    const [value, goal] = [row[ratio], least[ratio]];
    if (value === undefined || goal === undefined) return [];
    return [`${word(value >= goal)}  ${row.case}: ${value.toFixed(2)} ${NAMES[ratio]} (goal ${goal.toFixed(2)})`];
  });
}

function latencyOf({ case: name, line, latency }: Row): string[] {
  if (!latency) return [];
  const { p99 } = latency.commitToHandler;
  return [`${word(p99 < MOST_P99_MS)}  ${name}, ${line}: p99 ${p99.toFixed(1)} ms (goal below ${MOST_P99_MS} ms)`];
}

function word(isReached: boolean): string {
  return isReached ? 'reached' : 'MISSED ';
}
