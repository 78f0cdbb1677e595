// How many events to hand over at a time, while the one is looked for that has made a batch fail.

export class FailureSearch {
  /** So many, from the next one on, have failed together. */
  private suspects = 0;

  /** `halves`: what is under suspicion is halved each time; else it goes one by one. */
  constructor(private readonly halves: boolean) {}

  /** How many of at most so many. */
  next(most: number): number {
    if (this.suspects === 0) return most;
    return this.halves ? Math.min(most, Math.ceil(this.suspects / 2)) : 1;
  }

  failed(events: number): void {
    this.suspects = events;
  }

  /** So many are done with. */
  passed(events: number): void {
    this.suspects = Math.max(0, this.suspects - events);
  }
}
