// One process of several does a thing: the lease and the fence of consumer groups, for a group of one slice. Who owns it is
// the database's to say; the owner stops by its own clock before the database gives the slice to another.
import { type Database, loadSql, OwnershipLost } from '@concord/database';
import { newId } from '@concord/kernel';
import { callback } from '../callback.js';
import { Signal } from '../signal.js';
import { Heartbeat } from './heartbeat.js';

const sql = {
  open: loadSql(import.meta.url, 'sql/open-group.sql'),
  hold: loadSql(import.meta.url, 'sql/hold-slice.sql'),
  owner: loadSql(import.meta.url, 'sql/owner-of-slice.sql'),
};

/** `name`: of the thing, once a database. `label`: told to others who ask. `leaseMs`: after it a silent owner is none. */
export interface SoleOwnerOptions {
  readonly name: string;
  readonly label: string;
  readonly leaseMs: number;
  /** The ownership has ended, or is another one by now. */
  readonly onLost: () => void;
  /** A heartbeat failed; the next one comes. */
  readonly onFailure: (error: unknown) => void;
}

const SLICE = 0;

/** Wants to be the only one of its name. Whoever is first is, until it leaves or is silent for as long as its lease. */
export class SoleOwner {
  private readonly heartbeat: Heartbeat;
  private readonly changed = new Signal();
  private token: bigint | undefined;
  private started: Promise<void> | undefined;
  private readonly tellLost: () => void;

  constructor(
    private readonly database: Database,
    private readonly options: SoleOwnerOptions,
  ) {
    this.tellLost = callback(() => options.onLost(), 'ConcordOnLost');
    const tellFailure = callback((error: unknown) => options.onFailure(error), 'ConcordOnFailure');
    const work = {
      settings: options,
      memberId: newId(),
      database,
      report: ({ error }: { error: unknown }): void => {
        tellFailure(error);
      },
    };
    this.heartbeat = new Heartbeat(work, {
      lags: () => ({}),
      beaten: ({ owned }) => {
        this.settle(owned.get(SLICE));
        return Promise.resolve();
      },
      ended: () => this.settle(undefined),
    });
  }

  /** Whether it is the owner at this moment. */
  get isOwner(): boolean {
    return this.token !== undefined && this.heartbeat.isCurrent;
  }

  /** Takes part from now on, once. Errors: those of the database; call it again. */
  start(): Promise<void> {
    this.started ??= this.begin().catch((error: unknown) => {
      this.started = undefined;
      throw error;
    });
    return this.started;
  }

  /** Resolves when it may have become the owner, at the latest after so long. */
  async wait(milliseconds: number): Promise<void> {
    const { seen } = this.changed;
    if (!this.isOwner) await this.changed.wait(seen, milliseconds);
  }

  /** Keeps the ownership until the running transaction ends. Errors: OwnershipLost. */
  async hold(): Promise<void> {
    const { token } = this;
    if (token === undefined) throw new OwnershipLost(`"${this.options.name}" has another owner by now`);
    try {
      await this.database.query(sql.hold, [this.options.name, SLICE, token]);
    } catch (error) {
      // The next heartbeat would find it out as well, only later.
      if (error instanceof OwnershipLost && this.token === token) this.settle(undefined);
      throw error;
    }
  }

  /** The label of the present owner, if there is one. */
  async owner(): Promise<string | undefined> {
    const [row] = await this.database.queryOutside<{ label: string }>(sql.owner, [this.options.name, SLICE]);
    return row?.label;
  }

  /** Lets another one be the owner at once. */
  async leave(): Promise<void> {
    if (!this.started) return;
    await this.started.catch(() => undefined);
    await this.heartbeat.stop();
    this.token = undefined;
  }

  private async begin(): Promise<void> {
    await this.database.queryOutside(sql.open, [this.options.name, 1, 0n]);
    await this.heartbeat.start();
  }

  private settle(token: bigint | undefined): void {
    if (token === this.token) return;
    const lost = this.token !== undefined;
    this.token = token;
    this.changed.raise();
    if (lost) this.tellLost();
  }
}
