// "Something may be new": wakes whoever waits, and never loses a wake-up that came just before the wait.

/** A wake-up call within the process. */
export class Signal {
  private generation = 0;
  private waiters = new Set<() => void>();

  /** Wakes all waiters. */
  raise(): void {
    this.generation += 1;
    const waiting = this.waiters;
    this.waiters = new Set();
    for (const wake of waiting) wake();
  }

  /** What to pass to wait(): raises after this moment are not missed. */
  get seen(): number {
    return this.generation;
  }

  /** Resolves at the next raise after `seen`, or when the time is over, whichever comes first. */
  wait(seen: number, milliseconds: number): Promise<void> {
    if (this.generation !== seen) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.waiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      this.waiters.add(done);
    });
  }
}
