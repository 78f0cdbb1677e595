// From figures to a table.
import { type CaseSize, LINES } from './contender.js';

/** The figures of a case: by line, operations a second in each round. */
export interface CaseResult {
  readonly what: CaseSize;
  readonly rounds: Readonly<Record<string, readonly number[]>>;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export interface Row {
  readonly case: string;
  readonly line: string;
  readonly opsPerSecond: number;
  readonly slowest: number;
  readonly fastest: number;
  /** Medians of the ratios within each round: what disturbs a round disturbs both. */
  readonly toEmmett: number | undefined;
  readonly toMessageDb: number | undefined;
  readonly toRaw: number | undefined;
}

export function rowsOf({ what, rounds }: CaseResult): Row[] {
  const ratio = (values: readonly number[], peer: string): number | undefined => {
    const others = rounds[peer];
    return others && median(values.map((value, round) => value / (others[round] ?? Number.NaN)));
  };
  return Object.entries(rounds).map(([line, values]) => ({
    case: what.name,
    line,
    opsPerSecond: Math.round(median(values)),
    slowest: Math.round(Math.min(...values)),
    fastest: Math.round(Math.max(...values)),
    toEmmett: ratio(values, 'emmett'),
    toMessageDb: ratio(values, 'message-db'),
    toRaw: ratio(values, 'raw pg'),
  }));
}

const TEXT_COLUMNS = 2;
const HEAD = ['case', 'contender', 'ops/s', 'slowest..fastest', 'x Emmett', 'x message-db', 'x raw pg'];

/** A table in Markdown. */
export function table(results: readonly CaseResult[]): string {
  const lines = results.flatMap((result) =>
    rowsOf(result).map((row, index) => [
      index === 0 ? result.what.title : '',
      row.line,
      row.opsPerSecond.toLocaleString('en'),
      `${row.slowest.toLocaleString('en')}..${row.fastest.toLocaleString('en')}`,
      ...[row.toEmmett, row.toMessageDb, row.toRaw].map((value) => value?.toFixed(2) ?? '-'),
    ]),
  );
  const all = [HEAD, ...lines];
  const widths = HEAD.map((_, column) => Math.max(...all.map((cells) => cells[column]?.length ?? 0)));
  const write = (cells: readonly string[]): string => {
    const padded = widths.map((width, column) => {
      const cell = cells[column] ?? '';
      return column < TEXT_COLUMNS ? cell.padEnd(width) : cell.padStart(width);
    });
    return `| ${padded.join(' | ')} |`;
  };
  const rule = widths.map((width, column) => (column < TEXT_COLUMNS ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [write(HEAD), write(rule), ...lines.map(write)].join('\n');
}

const GOAL = 1.5;

/** How the goal of this project stands: at least 1.5 times Emmett in every case. */
export function verdict(results: readonly CaseResult[]): string {
  return results
    .flatMap(rowsOf)
    .flatMap(({ line, toEmmett, ...row }) => {
      if (line !== LINES.concord.name || toEmmett === undefined) return [];
      return [`${toEmmett >= GOAL ? 'reached' : 'MISSED '}  ${row.case}: ${toEmmett.toFixed(2)} x Emmett`];
    })
    .join('\n');
}
