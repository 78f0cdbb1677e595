// What the chaos test and its workers tell each other.

export interface WorkerSettings {
  /** No two have the same, also after one has died. */
  readonly worker: number;
  readonly seed: number;
  readonly workload: string;
  readonly weakening?: string | undefined;
  readonly urls: readonly string[];
  /** Where all times of the history begin. */
  readonly origin: string;
  /** How far the keys of each slot had come. */
  readonly generations: readonly number[];
  readonly files: { readonly history: string; readonly complaints: string };
}

export type ToWorker = 'stop' | 'leave' | { readonly dieAt: string };
export type FromWorker = 'ready' | 'idle' | { readonly generations: readonly number[] };

/** An error that a worker met. */
export interface Complaint {
  readonly code: string;
  readonly message: string;
}
