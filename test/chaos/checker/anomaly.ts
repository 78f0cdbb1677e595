// What a history can have done wrong: docs/reference/histories.md says what each means.

/** Cycles of dependencies. */
export const CYCLES = ['G0', 'G1c', 'G-single', 'G2'] as const;
export type Cycle = (typeof CYCLES)[number];

/** Which order a cycle needs to be one: the data's alone, that of a process, or that of time. */
export type Order = 'data' | 'process' | 'realtime';

export type AnomalyType =
  | Cycle
  | `${Cycle}-${'process' | 'realtime'}`
  | 'G1a'
  | 'G1b'
  | 'lost-update'
  | 'incompatible-order'
  | 'duplicate-elements'
  | 'garbage-read'
  | 'internal'
  | 'wrong-total'
  | 'missing-account'
  | 'negative-balance';

/** One thing that went wrong, for people to read: the operations, and how they contradict each other. */
export interface Anomaly {
  readonly type: AnomalyType;
  /** The indexes of the operations. */
  readonly operations: readonly number[];
  readonly text: string;
}

export interface Verdict {
  readonly anomalies: readonly Anomaly[];
  readonly counts: Readonly<Record<string, number>>;
}

/** The name of a cycle that needs that order. */
export function cycleType(cycle: Cycle, order: Order): AnomalyType {
  return order === 'data' ? cycle : `${cycle}-${order}`;
}
