// A process's lease on its locks: kept by heartbeats, one for all owners, and never taken up again once it has ended. What is
// granted by other processes it hears by a hint, and looks for itself now and then: a hint may be lost.
import { newId, warn } from '@concord/kernel';
import { LeaseLost, OwnerWounded } from '../errors.js';
import type { LockNews } from './lock-news.js';
import type { LockTable } from './lock-table.js';
import { LockTurns } from './lock-turns.js';
import type { LockAsk, OwnerLocks } from './owner-locks.js';

export interface SessionSettings {
  readonly leaseMs: number;
  readonly lookMs: number;
  readonly label: string;
}

const BEATS_A_LEASE = 5;

export class LockSession {
  readonly id = newId();
  private readonly owners = new Map<string, OwnerLocks>();
  private readonly turns: LockTurns;
  private readonly timers: NodeJS.Timeout[] = [];
  private stopListening: () => void = () => undefined;
  private leaseEnds: NodeJS.Timeout | undefined;
  private until = 0;
  private isBeating = false;
  private looking: 'no' | 'yes' | 'again' = 'no';
  private isEnded = false;

  constructor(
    private readonly table: LockTable,
    private readonly settings: SessionSettings,
  ) {
    this.turns = new LockTurns(table, this.id, {
      granted: (ask, token) => this.owners.get(ask.owner.id)?.granted(ask, ask.mode, token),
      heard: (news) => this.heard(news),
      ended: () => this.lose('its lease has ended'),
    });
  }

  /** Whether the lease runs, by this process's clock also when its timers are late. */
  get isAlive(): boolean {
    if (!this.isEnded && performance.now() >= this.until) this.lose('no heartbeat was answered for too long');
    return !this.isEnded;
  }

  async open(): Promise<this> {
    await this.beat(true);
    const { leaseMs, lookMs } = this.settings;
    this.timers.push(
      setInterval(() => void this.beatAgain(), leaseMs / BEATS_A_LEASE),
      setInterval(() => {
        if (this.waiting(lookMs).length > 0) void this.look(true);
      }, lookMs),
    );
    for (const timer of this.timers) timer.unref();
    this.stopListening = this.table.listen(this.id, (news) => (news ? this.heard(news) : void this.look(false)));
    return this;
  }

  ask(state: OwnerLocks, ask: LockAsk): void {
    this.owners.set(state.owner.id, state);
    state.asks.set(ask.key, ask);
    state.touched.set(ask.key, ask);
    this.turns.ask(ask);
  }

  /** It waits no more for this. */
  giveUp(state: OwnerLocks, ask: LockAsk, why: unknown): void {
    if (!ask.isOver) ask.fail(why);
    if (state.asks.get(ask.key) !== ask) return;
    state.asks.delete(ask.key);
    const { tenant, stream } = ask;
    this.turns.giveUp({ owner: state.owner, tenant, stream, waitsOnly: true, done: () => undefined });
  }

  async release(state: OwnerLocks): Promise<void> {
    this.owners.delete(state.owner.id);
    const places = state.release();
    await Promise.all(
      places.map(
        ({ key, tenant, stream }) =>
          new Promise<void>((done) =>
            this.turns.giveUp({
              owner: state.owner,
              tenant,
              stream,
              waitsOnly: false,
              held: state.held.get(key),
              done,
            }),
          ),
      ),
    );
  }

  /** Those of other processes are told that there is something. */
  heard(news: readonly LockNews[]): void {
    for (const { kind, session, owner, tenant, stream, mode, token } of news) {
      if (session !== this.id) this.table.tell(session);
      else if (kind === 'granted') this.owners.get(owner)?.granted({ tenant, stream }, mode, BigInt(token));
      else this.owners.get(owner)?.lose(new OwnerWounded(`an older owner needs "${stream}"`, { owner, stream }));
    }
  }

  async close(): Promise<void> {
    if (this.isEnded) return;
    this.lose('it was closed');
    const news = await this.table.end(this.id);
    this.heard(news.filter(({ session }) => session !== this.id));
  }

  private lose(why: string): void {
    if (this.isEnded) return;
    this.isEnded = true;
    for (const timer of this.timers) clearInterval(timer);
    clearTimeout(this.leaseEnds);
    this.stopListening();
    this.turns.close();
    for (const state of this.owners.values()) {
      state.lose(new LeaseLost(`the locks of owner ${state.owner.id} may be others' by now: ${why}`));
    }
  }

  private async beatAgain(): Promise<void> {
    if (!this.isAlive || this.isBeating) return;
    this.isBeating = true;
    // The next one may succeed, before the lease has ended.
    await this.beat(false).catch((error: unknown) => warn(error, 'ConcordLocks'));
    this.isBeating = false;
  }

  private async beat(begins: boolean): Promise<void> {
    // Not from the answer on: the lease runs since the question arrived.
    const sent = performance.now();
    const { label, leaseMs } = this.settings;
    const { alive, news } = await this.table.beat({ id: this.id, label, leaseMs }, begins);
    if (this.isEnded) return;
    if (!alive) {
      this.lose('its lease has ended');
      return;
    }
    this.until = sent + leaseMs;
    clearTimeout(this.leaseEnds);
    // Not a fraction of a millisecond too early: nobody would look again while a heartbeat is not answered.
    this.leaseEnds = setTimeout(() => this.isAlive, Math.max(Math.ceil(this.until - performance.now()), 0) + 1);
    this.leaseEnds.unref();
    this.heard(news);
  }

  private waiting(forMs: number): LockAsk[] {
    const since = performance.now() - forMs;
    return [...this.owners.values()].flatMap(({ asks }) => [...asks.values()].filter((ask) => ask.since <= since));
  }

  /** One look at a time; what comes meanwhile is looked for in one more. */
  private async look(settles: boolean): Promise<void> {
    if (this.looking !== 'no') {
      this.looking = 'again';
      return;
    }
    do {
      this.looking = 'yes';
      await this.lookOnce(settles).catch((error: unknown) => warn(error, 'ConcordLocks'));
    } while ((this.looking as string) === 'again');
    this.looking = 'no';
  }

  private async lookOnce(settles: boolean): Promise<void> {
    if (this.isEnded) return;
    const locks = [...new Map(this.waiting(0).map((ask) => [ask.key, ask])).values()];
    const { alive, news } = await this.table.look(this.id, locks, settles);
    this.heard(news);
    if (!alive) this.lose('its lease has ended');
  }
}
