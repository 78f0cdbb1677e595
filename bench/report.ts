// From figures to a table.
import type { CaseSize, Latency, Measured, Percentiles } from './contender.js';

/** What one round of a line came to. */
export interface Figure {
  readonly opsPerSecond: number;
  /** CPU time of the contender's process, in microseconds an operation. */
  readonly cpuMicros: number;
  readonly latency?: Latency;
}

/** The figures of a case: by line, one a round. */
export interface CaseResult {
  readonly what: CaseSize;
  readonly rounds: Readonly<Record<string, readonly Figure[]>>;
}

/** From the pieces of a round. */
export function figureOf(count: number, pieces: readonly Measured[]): Figure {
  const sum = (part: (piece: Measured) => number): number => pieces.reduce((total, piece) => total + part(piece), 0);
  const latency = pieces.find((piece) => piece.latency)?.latency;
  return {
    opsPerSecond: count / sum(({ seconds }) => seconds),
    cpuMicros: (sum(({ cpu }) => cpu) * 1e6) / count,
    ...(latency && { latency }),
  };
}

/** A figure in a few words. */
export function shown({ opsPerSecond, latency }: Figure): string {
  if (!latency) return String(Math.round(opsPerSecond));
  return `p50 ${latency.commitToHandler.p50.toFixed(1)} ms, p99 ${latency.commitToHandler.p99.toFixed(1)} ms`;
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
  readonly cpuMicros: number;
  /** Medians of the ratios within each round: what disturbs a round disturbs both. */
  readonly toEmmett: number | undefined;
  readonly toMessageDb: number | undefined;
  readonly toRaw: number | undefined;
  /** To the line that the case is about, where it is none of the peers. */
  readonly toBase: number | undefined;
  /** The medians of the rounds. */
  readonly latency: Latency | undefined;
}

export function rowsOf({ what, rounds }: CaseResult): Row[] {
  const ratio = (figures: readonly Figure[], peer: string | undefined): number | undefined => {
    const others = peer === undefined ? undefined : rounds[peer];
    if (!others) return undefined;
    return median(figures.map(({ opsPerSecond }, round) => opsPerSecond / (others[round]?.opsPerSecond ?? Number.NaN)));
  };
  return Object.entries(rounds).map(([line, figures]) => {
    const speeds = figures.map(({ opsPerSecond }) => opsPerSecond);
    return {
      case: what.name,
      line,
      opsPerSecond: Math.round(median(speeds)),
      slowest: Math.round(Math.min(...speeds)),
      fastest: Math.round(Math.max(...speeds)),
      cpuMicros: median(figures.map(({ cpuMicros }) => cpuMicros)),
      toEmmett: ratio(figures, 'emmett'),
      toMessageDb: ratio(figures, 'message-db'),
      toRaw: ratio(figures, 'raw pg'),
      toBase: ratio(figures, what.base),
      latency: medianLatency(figures.flatMap(({ latency }) => latency ?? [])),
    };
  });
}

function medianLatency(rounds: readonly Latency[]): Latency | undefined {
  if (rounds.length === 0) return undefined;
  const of = (from: keyof Latency): Percentiles => ({
    p50: median(rounds.map((round) => round[from].p50)),
    p99: median(rounds.map((round) => round[from].p99)),
    max: Math.max(...rounds.map((round) => round[from].max)),
  });
  return { commitToHandler: of('commitToHandler'), dueToHandler: of('dueToHandler') };
}

const HEAD = [
  'case',
  'contender',
  'ops/s',
  'slowest..fastest',
  'CPU us/op',
  'x Emmett',
  'x message-db',
  'x raw pg',
  'x base',
];

/** A table in Markdown. */
export function table(results: readonly CaseResult[]): string {
  const lines = results.flatMap((result) =>
    rowsOf(result).map((row, index) => [
      index === 0 ? result.what.title : '',
      row.line,
      row.opsPerSecond.toLocaleString('en'),
      `${row.slowest.toLocaleString('en')}..${row.fastest.toLocaleString('en')}`,
      row.cpuMicros.toFixed(1),
      ...[row.toEmmett, row.toMessageDb, row.toRaw, row.toBase].map((value) => value?.toFixed(2) ?? '-'),
    ]),
  );
  return markdown(HEAD, lines);
}

const LATENCY_HEAD = [
  'case',
  'contender',
  'commit to handler, p50 ms',
  'p99 ms',
  'max ms',
  'due to handler, p50 ms',
  'p99 ms',
  'max ms',
];

/** Another one for what has latencies; nothing where nothing has. */
export function latencyTable(results: readonly CaseResult[]): string {
  const lines = results.flatMap((result) =>
    rowsOf(result).flatMap(({ line, latency }) =>
      latency
        ? [[result.what.title, line, ...numbersOf(latency.commitToHandler), ...numbersOf(latency.dueToHandler)]]
        : [],
    ),
  );
  return lines.length === 0 ? '' : `\n${markdown(LATENCY_HEAD, lines)}\n`;
}

function numbersOf({ p50, p99, max }: Percentiles): string[] {
  return [p50, p99, max].map((value) => value.toFixed(2));
}

/** The first `texts` columns to the left, the others to the right. */
export function markdown(head: readonly string[], lines: readonly (readonly string[])[], texts = 2): string {
  const all = [head, ...lines];
  const widths = head.map((_, column) => Math.max(...all.map((cells) => cells[column]?.length ?? 0)));
  const write = (cells: readonly string[]): string => {
    const padded = widths.map((width, column) => {
      const cell = cells[column] ?? '';
      return column < texts ? cell.padEnd(width) : cell.padStart(width);
    });
    return `| ${padded.join(' | ')} |`;
  };
  const rule = widths.map((width, column) => (column < texts ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [write(head), write(rule), ...lines.map(write)].join('\n');
}
