// Wakes the subscriptions that wait: at once after an append of this process, and soon after one of another process. One
// poll for all of them, and none when nobody waits.
import type { EventStore, StoredEvents } from '@concord/event-store';
import { Signal } from '@concord/subscriptions';

const POLL_MS = 100;
const FOR_EVER_MS = 2 ** 31 - 1;

export class Wake {
  private readonly signal = new Signal();
  private waiting = 0;
  private timer: NodeJS.Timeout | undefined;
  private horizon = -1n;

  constructor(
    store: EventStore,
    private readonly stored: StoredEvents,
  ) {
    this.stop = store.onAppended(() => this.signal.raise());
  }

  readonly stop: () => void;

  get seen(): number {
    return this.signal.seen;
  }

  /** Resolves when something may be new since `seen`, or when `stopped` is. */
  async wait(seen: number, stopped: AbortSignal): Promise<void> {
    if (stopped.aborted) return;
    const wake = (): void => this.signal.raise();
    stopped.addEventListener('abort', wake);
    this.waiting += 1;
    this.poll();
    try {
      await this.signal.wait(seen, FOR_EVER_MS);
    } finally {
      this.waiting -= 1;
      stopped.removeEventListener('abort', wake);
    }
  }

  private poll(): void {
    this.timer ??= setTimeout(() => void this.look(), POLL_MS).unref();
  }

  private async look(): Promise<void> {
    try {
      // The horizon, not the last position: that one is drawn before its event can be seen.
      const horizon = await this.stored.horizon();
      if (horizon !== this.horizon) this.signal.raise();
      this.horizon = horizon;
    } catch {
      // The subscriptions find out by themselves when they read.
      this.signal.raise();
    }
    this.timer = undefined;
    if (this.waiting > 0) this.poll();
  }
}
