// How an event of an old form is read as one of the next form. What is stored stays as it is.

/**
 * One step: from one version of an event type to the next. Pure: it returns new data and leaves the old as they are. The
 * first version is 1; a chain has a step for each version but the present one.
 */
export interface Upcast<Old = never> {
  /** As it was called in that version. */
  readonly type: string;
  readonly from: number;
  /** What it is called from the next version on, when that is something else. */
  readonly becomes?: string;
  readonly up: (data: Old) => unknown;
}
