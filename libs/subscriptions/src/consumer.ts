// A checkpointed consumer: reads the feed of every tenant in order, and commits effects and checkpoint as one.
// Exactly once for effects in the same database. Several processes may run it: the checkpoint's row lock lets one at a
// time work on a tenant, and who comes second sees where the first one ended.
import type { Database } from '@concord/database';
import type { EventStore } from '@concord/event-store';
import type { GlobalPosition, RecordedEvent } from '@concord/kernel';
import { currentTenant, runInTenant, type TenantId } from '@concord/tenancy';
import { Checkpoints } from './checkpoints.js';
import { Lookout } from './lookout.js';
import { Signal } from './signal.js';

/** What to consume, and how. */
export interface ConsumerOptions {
  /** Names the checkpoint. */
  readonly name: string;
  readonly categories?: readonly string[];
  readonly types?: readonly string[];
  /** Events a transaction at most; 500 by default. */
  readonly batchSize?: number;
  /** Runs within the checkpoint's transaction, for one tenant. It must not have effects elsewhere. */
  handle(events: readonly RecordedEvent[]): Promise<void>;
  /** Runs before the first batch of a tenant, in the same transaction. */
  start?(): Promise<void>;
  onFailure?(failure: ConsumerFailure): void;
}

/** Why a tenant does not move on. It is tried again, later and later, and holds up no other tenant. */
export interface ConsumerFailure {
  readonly name: string;
  readonly tenantId: TenantId;
  readonly error: unknown;
  readonly attempts: number;
  readonly retryAt: Date;
}

const MAX_BACKOFF_MS = 30_000;
const DEFAULT_BATCH = 500;

/** Runs a handler over every tenant's feed, from its checkpoint on, until it is stopped. */
export class Consumer {
  /** Raised whenever a checkpoint of this consumer has moved in this process. */
  readonly advanced = new Signal();
  private lookout: Lookout | undefined;
  private readonly checkpoints: Checkpoints;
  private readonly positions = new Map<TenantId, GlobalPosition>();
  private readonly failing = new Map<TenantId, ConsumerFailure>();
  private running: Promise<void> | undefined;
  private reachable = true;
  private readonly stopping = new AbortController();

  constructor(
    private readonly store: EventStore,
    private readonly database: Database,
    private readonly options: ConsumerOptions,
  ) {
    this.checkpoints = new Checkpoints(database);
  }

  /** Tenants that do not move on at present. */
  get failures(): readonly ConsumerFailure[] {
    return [...this.failing.values()];
  }

  /** Starts in the background; a second call does nothing. */
  start(): void {
    this.running ??= this.run();
  }

  /** Ends after the batch in hand. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.lookout?.close();
    await this.running;
  }

  private async run(): Promise<void> {
    const lookout = (this.lookout = new Lookout(this.store));
    while (!this.stopping.signal.aborted) {
      const { seen } = lookout;
      if (!(await this.pass())) await lookout.rest(seen, this.untilRetry());
    }
  }

  /** One batch for each tenant that has something new. */
  private async pass(): Promise<boolean> {
    let moved = false;
    try {
      for (const { tenantId, head } of await this.store.tenantHeads()) {
        if (this.stopping.signal.aborted || head <= (this.positions.get(tenantId) ?? -1n)) continue;
        moved = (await this.attempt(tenantId)) || moved;
      }
      this.reachable = true;
    } catch (error) {
      // The database cannot be reached: no tenant is to blame, and the next look, a little later each time, tries again.
      this.reachable = false;
      this.options.onFailure?.({ name: this.options.name, tenantId: '', error, attempts: 1, retryAt: new Date() });
    }
    return moved;
  }

  /** A tenant that failed is not forgotten when nothing new comes. */
  private untilRetry(): number | undefined {
    if (!this.reachable) return undefined;
    const times = this.failures.map(({ retryAt }) => retryAt.getTime());
    return times.length > 0 ? Math.min(...times) - Date.now() : undefined;
  }

  private async attempt(tenantId: TenantId): Promise<boolean> {
    const failure = this.failing.get(tenantId);
    if (failure && failure.retryAt.getTime() > Date.now()) return false;
    try {
      const moved = await runInTenant(tenantId, () => this.batch());
      this.failing.delete(tenantId);
      return moved;
    } catch (error) {
      this.fail(tenantId, error, (failure?.attempts ?? 0) + 1);
      return false;
    }
  }

  /** Reads outside the transaction, then holds the checkpoint and makes sure that nobody else has moved it since. */
  private async batch(): Promise<boolean> {
    const tenantId = currentTenant();
    const { name, categories, types, batchSize = DEFAULT_BATCH } = this.options;
    const after = this.positions.get(tenantId) ?? (await this.checkpoints.read(name)) ?? 0n;
    const page = await this.store.readFeed({
      after,
      limit: batchSize,
      ...(categories && { categories }),
      ...(types && { types }),
    });
    const position = await this.database.transaction(async () => {
      const held = await this.checkpoints.hold(name, false);
      if (!held) return undefined;
      if (held.created) await this.options.start?.();
      if (held.position !== after) return held.position;
      if (page.events.length > 0) await this.options.handle(page.events);
      if (page.through > after) await this.checkpoints.save(name, page.through);
      return page.through;
    });
    if (position === undefined) return false;
    this.positions.set(tenantId, position);
    this.advanced.raise();
    return position !== after;
  }

  private fail(tenantId: TenantId, error: unknown, attempts: number): void {
    // What was remembered may be what is wrong (a rebuild moved the checkpoint): read it anew.
    this.positions.delete(tenantId);
    const delay = Math.min(100 * 2 ** attempts, MAX_BACKOFF_MS);
    const failure = { name: this.options.name, tenantId, error, attempts, retryAt: new Date(Date.now() + delay) };
    this.failing.set(tenantId, failure);
    this.options.onFailure?.(failure);
  }
}
