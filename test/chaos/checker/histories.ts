// Small histories, written by hand: a line a transaction.
import { type Line, operationsOf, type Step, type Transaction, transactionsOf } from './history.js';

interface Written {
  readonly steps: readonly Step[];
  /** From and to; one that ends with nothing was never answered. By default all are at the same time. */
  readonly at?: readonly [from: number, to?: number];
  readonly outcome?: 'ok' | 'fail' | 'info';
  readonly process?: number;
}

const ALL_ALONG: readonly [number, number] = [0, 1000];

/** The lines of these transactions, each of a process of its own unless it says which. */
export function linesOf(...written: readonly Written[]): Line[] {
  const lines = written.flatMap(({ steps, at = ALL_ALONG, outcome = 'ok', process: name }, index) => {
    const process = name ?? index;
    const [from, to] = at;
    const asked = steps.map((step): Step => (step[0] === 'r' ? ['r', step[1], null] : step));
    const invoked: Line = { process, type: 'invoke', time: from, f: 'txn', value: asked };
    if (to === undefined) return [invoked];
    return [invoked, { process, type: outcome, time: to, f: 'txn', value: outcome === 'ok' ? steps : asked }];
  });
  return lines.sort((a, b) => a.time - b.time);
}

/** Shorthand: `r('x', 1, 2)` reads [1 2], `a('x', 3)` appends 3. */
export const r = (key: string, ...elements: number[]): Step => ['r', key, elements];
export const a = (key: string, element: number): Step => ['append', key, element];

export const history = (...written: readonly Written[]): Transaction[] =>
  transactionsOf(operationsOf(linesOf(...written)));
