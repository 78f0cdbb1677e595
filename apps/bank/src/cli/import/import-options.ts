// How an import is done, and whom it tells.

/** A row that was not imported. */
export interface Refusal {
  readonly file: string;
  readonly line: number;
  readonly reason: string;
}

export interface ImportOptions {
  readonly currency: string;
  /** Accounts at work at once. */
  readonly concurrency: number;
  /** Ends the import between two rows. */
  readonly signal?: AbortSignal;
  readonly onRefused?: (refusal: Refusal) => void;
  /** Called with the number of rows that are done. */
  readonly onProgress?: (rows: number) => void;
}
