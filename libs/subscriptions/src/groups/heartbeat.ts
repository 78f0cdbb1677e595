// A member's heartbeats: short statements that prolong its lease and tell it what it owns. Who owns what, and until when, is
// the database's to say; the member only watches how long it has heard nothing, to warn its handlers in time.
import { type Database, loadSql } from '@concord/database';
import { Signal } from '../signal.js';

const sql = {
  beat: loadSql(import.meta.url, 'sql/group-beat.sql'),
  leave: loadSql(import.meta.url, 'sql/leave-group.sql'),
};

/** What the database says: the owned slices with their tokens, and how many of them are to be given back. */
export interface Beat {
  readonly owned: ReadonlyMap<number, bigint>;
  readonly surplus: number;
  readonly lacking: number;
}

/** Whose heart beats, and how fast: members of groups, and whoever wants to be the only one of its kind. */
export interface Beating {
  readonly settings: { readonly name: string; readonly label: string; readonly leaseMs: number };
  readonly memberId: string;
  readonly database: Database;
  report(failure: { readonly error: unknown; readonly outcome: 'interrupted' }): void;
}

interface Listener {
  lags(): Record<string, string>;
  beaten(beat: Beat): Promise<void>;
  /** The lease may have ended. */
  ended(): void;
}

interface BeatRow {
  readonly slice: number | null;
  readonly fencing_token: bigint | null;
  readonly surplus: number;
  readonly lacking: number;
}

const HASTE_MS = 50;
const BEATS_A_LEASE = 5;
// Who waits for slices that others are about to give back, or failed to beat, tries again sooner.
const EAGER_BEATS_A_LEASE = 25;

export class Heartbeat {
  private readonly wake = new Signal();
  private running: Promise<void> | undefined;
  private readonly stopping = new AbortController();
  private leaseEnds: NodeJS.Timeout | undefined;
  private hastened: NodeJS.Timeout | undefined;
  private until = 0;

  constructor(
    private readonly work: Beating,
    private readonly listener: Listener,
  ) {}

  /** Whether the lease runs still, by this process's clock, also when its timers are late. */
  get isCurrent(): boolean {
    return performance.now() < this.until;
  }

  /** Has the next beat come soon. */
  hasten(): void {
    this.hastened ??= setTimeout(() => {
      this.hastened = undefined;
      this.wake.raise();
    }, HASTE_MS);
  }

  async start(): Promise<void> {
    const beat = await this.beat();
    await this.listener.beaten(beat);
    this.running = this.run(beat.lacking > 0);
  }

  /** Stops, and gives back what is owned still. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake.raise();
    await this.running;
    clearTimeout(this.leaseEnds);
    clearTimeout(this.hastened);
    const { database, settings, memberId } = this.work;
    try {
      await database.queryOutside(sql.leave, [settings.name, memberId]);
    } catch (error) {
      // The lease ends by itself.
      this.work.report({ error, outcome: 'interrupted' });
    }
  }

  private async run(eager: boolean): Promise<void> {
    let soon = eager;
    let { seen } = this.wake;
    for (;;) {
      await this.wake.wait(seen, this.work.settings.leaseMs / (soon ? EAGER_BEATS_A_LEASE : BEATS_A_LEASE));
      if (this.stopping.signal.aborted) return;
      ({ seen } = this.wake);
      try {
        const beat = await this.beat();
        await this.listener.beaten(beat);
        soon = beat.lacking > 0;
      } catch (error) {
        soon = true;
        this.work.report({ error, outcome: 'interrupted' });
      }
    }
  }

  private async beat(): Promise<Beat> {
    const { database, settings, memberId } = this.work;
    // Not from the answer on: the lease runs since the database has had the question.
    const lease = settings.leaseMs;
    const sent = performance.now();
    const values = [settings.name, memberId, settings.label, lease, JSON.stringify(this.listener.lags())];
    const rows = await database.queryOutside<BeatRow>(sql.beat, values);
    clearTimeout(this.leaseEnds);
    this.until = sent + lease;
    // A process that was stopped meanwhile has waited long enough.
    const left = Math.max(lease - (performance.now() - sent), 0);
    this.leaseEnds = setTimeout(() => this.listener.ended(), left);
    const owned = rows.flatMap(({ slice, fencing_token }): [number, bigint][] =>
      slice === null || fencing_token === null ? [] : [[slice, fencing_token]],
    );
    return { owned: new Map(owned), surplus: rows[0]?.surplus ?? 0, lacking: rows[0]?.lacking ?? 0 };
  }
}
