// When a reader that has seen all looks again: at once when it hears of an append, soon again after that, else seldom.
// Why again: a hint may come while an append that is still under way hides what is new, and whoever then ends without a
// commit, or dies, tells nobody. So the looks after a hint come at doubling distances: nobody waits twice as long as need be.
import type { EventStore } from '@concord/event-store';
import { Signal } from './signal.js';

const FIRST_AGAIN_MS = 10;
/** The net below lost hints. */
const SELDOM_MS = 5_000;

export interface LookoutOptions {
  /** Hints that come in this time lead to one look; 0 by default: each look's own duration gathers them. */
  readonly paceMs?: number;
}

export class Lookout {
  private readonly hint = new Signal();
  private readonly closing = new Signal();
  private readonly unsubscribe: () => void;
  private nextMs = FIRST_AGAIN_MS;

  constructor(
    store: EventStore,
    private readonly options: LookoutOptions = {},
  ) {
    this.unsubscribe = store.onAppended(() => this.hint.raise());
  }

  /** What to pass to rest(): take it before you look, and nothing that comes meanwhile is missed. */
  get seen(): number {
    return this.hint.seen;
  }

  /** Resolves when it is time to look again, after `atMostMs` at the latest. */
  async rest(seen: number, atMostMs = SELDOM_MS): Promise<void> {
    const { paceMs = 0 } = this.options;
    await this.hint.wait(seen, Math.max(0, Math.min(this.nextMs, atMostMs)));
    const heard = this.hint.seen !== seen;
    this.nextMs = heard ? FIRST_AGAIN_MS : Math.min(this.nextMs * 2, SELDOM_MS);
    if (heard && paceMs > 0) await this.closing.wait(0, paceMs);
  }

  /** Wakes whoever rests, and hears nothing any more. */
  close(): void {
    this.unsubscribe();
    this.hint.raise();
    this.closing.raise();
  }
}
