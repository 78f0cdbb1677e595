// Work in lanes: what belongs to one lane is done in order, one piece at a time; lanes go on side by side, so many at
// once. Whoever adds work waits while too much is waiting already.

type Work = () => Promise<void>;

const WAITING_PER_RUNNER = 16;

export class Lanes {
  /** A lane is here while it has work: the first piece is the one that runs, or runs next. */
  private readonly lanes = new Map<string, Work[]>();
  private readonly ready: string[] = [];
  private running = 0;
  private held = 0;
  private failure: { readonly error: unknown } | undefined;
  private wake: (() => void)[] = [];

  constructor(private readonly width: number) {}

  /** Resolves when there is room again. Errors: what any work threw. */
  async add(lane: string, work: Work): Promise<void> {
    this.held += 1;
    const waiting = this.lanes.get(lane);
    if (waiting) waiting.push(work);
    else {
      this.lanes.set(lane, [work]);
      this.ready.push(lane);
    }
    this.fill();
    while (this.held >= this.width * WAITING_PER_RUNNER && !this.failure) await this.change();
    this.check();
  }

  /** Forgets what has not begun. */
  clear(): void {
    this.lanes.clear();
    this.ready.length = 0;
    this.held = this.running;
  }

  /** Resolves when all work is done. Errors: what any work threw. */
  async drained(): Promise<void> {
    while (this.running > 0 || (this.ready.length > 0 && !this.failure)) await this.change();
    this.check();
  }

  private fill(): void {
    while (this.running < this.width && !this.failure) {
      const lane = this.ready.shift();
      if (lane === undefined) return;
      this.running += 1;
      void this.run(lane);
    }
  }

  private async run(lane: string): Promise<void> {
    try {
      await this.lanes.get(lane)?.[0]?.();
    } catch (error) {
      this.failure ??= { error };
    }
    this.running -= 1;
    this.held -= 1;
    this.next(lane);
    this.fill();
    const waiting = this.wake;
    this.wake = [];
    for (const wake of waiting) wake();
  }

  private next(lane: string): void {
    const waiting = this.lanes.get(lane);
    waiting?.shift();
    if (waiting && waiting.length > 0) this.ready.push(lane);
    else this.lanes.delete(lane);
  }

  private change(): Promise<void> {
    return new Promise((resolve) => this.wake.push(resolve));
  }

  private check(): void {
    if (this.failure) throw this.failure.error;
  }
}
