// A checkpointed consumer, the durable catch-up subscription: reads the feed of every tenant in order, one batch at a time.
// Exactly once, where effects are in the same database: they commit with the checkpoint. Several processes may run such a
// one: the checkpoint's row lock lets one at a time work on a tenant, and who comes second sees where the first one ended.
import type { Database } from '@concord/database';
import type { EventStore, FeedPage } from '@concord/event-store';
import type { GlobalPosition, RecordedEvent } from '@concord/kernel';
import { observe, withoutTrace } from '@concord/telemetry';
import { currentTenant, runInTenant, type TenantId } from '@concord/tenancy';
import { delayOf } from './backoff.js';
import { callback } from './callback.js';
import { Checkpoints } from './checkpoints.js';
import type { Delivery } from './delivery.js';
import { Lookout } from './lookout.js';
import { Signal } from './signal.js';
import { handlingBatch } from './telemetry.js';

/** What to consume, and how. Without `delivery`: exactly once in the database. */
export type ConsumerOptions = CommonOptions & (ExactlyOnce | AtLeastOnce);

interface CommonOptions {
  /** Names the checkpoint. */
  readonly name: string;
  /** Where it begins for a tenant without a checkpoint: after this position, or with what comes after its first start. */
  readonly from?: GlobalPosition | 'now';
  readonly categories?: readonly string[];
  readonly types?: readonly string[];
  /** Events handled as one at most, and read ahead of the handler; 500 by default. */
  readonly batchSize?: number;
  /** Handles events of one tenant. An error is no end: the batch is tried again, later and later. */
  handle(events: readonly RecordedEvent[]): Promise<void>;
  onFailure?(failure: ConsumerFailure): void;
  /** Called when a tenant's state changes. */
  onState?(change: ConsumerStateChange): void;
}

interface ExactlyOnce {
  /** `handle` runs within the checkpoint's transaction. It must not have effects elsewhere. */
  readonly delivery?: Extract<Delivery, 'exactly-once-in-database'>;
  /** Runs before the first batch of a tenant, in the same transaction. */
  start?(): Promise<void>;
}

interface AtLeastOnce {
  /** `handle` runs outside any transaction, in every process that runs it: where those are several, use a consumer group. */
  readonly delivery: Extract<Delivery, 'at-least-once'>;
  readonly start?: never;
}

/** `live`: the tenant's handler has seen all there was when last looked; `catching-up`: it has not. */
export type ConsumerState = 'catching-up' | 'live';

/** A tenant has caught up, or has fallen behind. */
export interface ConsumerStateChange {
  readonly name: string;
  readonly tenantId: TenantId;
  readonly state: ConsumerState;
  readonly position: GlobalPosition;
}

/** Why a tenant does not move on. It is tried again, later and later, and holds up no other tenant. */
export interface ConsumerFailure {
  readonly name: string;
  readonly tenantId: TenantId;
  readonly error: unknown;
  readonly attempts: number;
  readonly retryAt: Date;
}

const FAILURE_BACKOFF = { firstMs: 200, mostMs: 30_000 };
const DEFAULT_BATCH = 500;
// No tenant has this id: it stands for the position at which a consumer that begins `now` was first started.
const ALL_TENANTS = '*';

/** Runs a handler over every tenant's feed, from its checkpoint on, until it is stopped. */
export class Consumer {
  /** Raised whenever a checkpoint of this consumer has moved in this process. */
  readonly advanced = new Signal();
  private lookout: Lookout | undefined;
  private readonly checkpoints: Checkpoints;
  private readonly positions = new Map<TenantId, GlobalPosition>();
  /** By tenant, as far as it was looked. Kept when a position is forgotten: a tenant that fails is behind all the more. */
  private readonly places = new Map<TenantId, { readonly head: GlobalPosition; readonly reached: GlobalPosition }>();
  private readonly failing = new Map<TenantId, ConsumerFailure>();
  private readonly states = new Map<TenantId, ConsumerState>();
  private startsAfter = 0n;
  private hasStart = false;
  private running: Promise<void> | undefined;
  private reachable = true;
  private readonly stopping = new AbortController();
  private readonly tellFailure: (failure: ConsumerFailure) => void;
  private readonly tellChange: (change: ConsumerStateChange) => void;

  constructor(
    private readonly store: EventStore,
    private readonly database: Database,
    private readonly options: ConsumerOptions,
  ) {
    this.checkpoints = new Checkpoints(database);
    this.tellFailure = callback((failure) => options.onFailure?.(failure), 'ConcordOnFailure');
    this.tellChange = callback((change) => options.onState?.(change), 'ConcordOnState');
  }

  /** Tenants that do not move on at present. */
  get failures(): readonly ConsumerFailure[] {
    return [...this.failing.values()];
  }

  /** Whether a tenant's handler has caught up, as far as this process knows. */
  stateOf(tenantId: TenantId): ConsumerState {
    return this.states.get(tenantId) ?? 'catching-up';
  }

  /** How far a tenant's handler has come at least, as far as this process knows. */
  positionOf(tenantId: TenantId): GlobalPosition | undefined {
    return this.positions.get(tenantId);
  }

  /** Starts in the background; a second call does nothing. */
  start(): void {
    this.running ??= withoutTrace(() => this.run());
  }

  /** Ends after the batch in hand. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.lookout?.close();
    await this.running;
  }

  private async run(): Promise<void> {
    const lookout = (this.lookout = new Lookout(this.store));
    const unobserved = this.observed();
    while (!this.stopping.signal.aborted) {
      const { seen } = lookout;
      if (!(await this.pass())) await lookout.rest(seen, this.untilRetry());
    }
    unobserved();
  }

  /** From here on metrics are read; the answer is the way to stop. */
  private observed(): () => void {
    const attributes = { 'messaging.consumer.group.name': this.options.name };
    const stops = [
      observe('concord.consumer.lag', (result) => result.observe(Number(this.lag), attributes)),
      observe('concord.consumer.failing_tenants', (result) => result.observe(this.failing.size, attributes)),
    ];
    return () => stops.forEach((stop) => stop());
  }

  private reached(tenantId: TenantId, reached: GlobalPosition): void {
    this.places.set(tenantId, { head: this.places.get(tenantId)?.head ?? reached, reached });
  }

  private get lag(): bigint {
    let most = 0n;
    for (const { head, reached } of this.places.values()) if (head - reached > most) most = head - reached;
    return most;
  }

  /** One batch for each tenant that has something new. */
  private async pass(): Promise<boolean> {
    let moved = false;
    try {
      await this.findStart();
      for (const { tenantId, head } of await this.store.tenantHeads()) {
        if (this.stopping.signal.aborted || head <= (this.positions.get(tenantId) ?? -1n)) continue;
        this.places.set(tenantId, { head, reached: this.places.get(tenantId)?.reached ?? this.startsAfter });
        moved = (await this.attempt(tenantId, head)) || moved;
        this.tellState(tenantId, head);
      }
      this.reachable = true;
    } catch (error) {
      // The database cannot be reached: no tenant is to blame, and the next look, a little later each time, tries again.
      this.reachable = false;
      this.tellFailure({ name: this.options.name, tenantId: '', error, attempts: 1, retryAt: new Date() });
    }
    return moved;
  }

  /** A tenant that failed is not forgotten when nothing new comes. */
  private untilRetry(): number | undefined {
    if (!this.reachable) return undefined;
    const times = this.failures.map(({ retryAt }) => retryAt.getTime());
    return times.length > 0 ? Math.min(...times) - Date.now() : undefined;
  }

  private async findStart(): Promise<void> {
    const { name, from = 0n } = this.options;
    if (this.hasStart) return;
    this.startsAfter = from === 'now' ? await this.store.lastPosition() : from;
    if (from === 'now') {
      const { startsAfter } = this;
      const held = await this.database.transaction(() => this.checkpoints.hold(name, true, ALL_TENANTS, startsAfter));
      this.startsAfter = held?.position ?? startsAfter;
    }
    this.hasStart = true;
  }

  private tellState(tenantId: TenantId, head: GlobalPosition): void {
    const position = this.positions.get(tenantId);
    if (position === undefined) return;
    const state = position >= head ? 'live' : 'catching-up';
    if (state === this.states.get(tenantId)) return;
    this.states.set(tenantId, state);
    this.tellChange({ name: this.options.name, tenantId, state, position });
  }

  private async attempt(tenantId: TenantId, head: GlobalPosition): Promise<boolean> {
    const failure = this.failing.get(tenantId);
    if (failure && failure.retryAt.getTime() > Date.now()) return false;
    try {
      const moved = await runInTenant(tenantId, () => this.batch(head));
      this.failing.delete(tenantId);
      return moved;
    } catch (error) {
      this.fail(tenantId, error, (failure?.attempts ?? 0) + 1);
      return false;
    }
  }

  /** Reads up to the head outside the transaction, then holds the checkpoint and makes sure that nobody else has moved it since. */
  private async batch(head: GlobalPosition): Promise<boolean> {
    const tenantId = currentTenant();
    const after = this.positions.get(tenantId) ?? (await this.checkpoints.read(this.options.name)) ?? this.startsAfter;
    this.reached(tenantId, after);
    const { categories, types, batchSize: limit = DEFAULT_BATCH } = this.options;
    const page = await this.store.readFeed({
      after,
      // Not beyond: some stores would have to ask once more whether there is anything.
      ...(head >= after && { before: head + 1n }),
      limit,
      ...(categories && { categories }),
      ...(types && { types }),
    });
    const position = await this.handle(after, page);
    if (position === undefined) return false;
    this.positions.set(tenantId, position);
    this.reached(tenantId, position);
    this.advanced.raise();
    return position !== after;
  }

  /** Handles a page and saves its end; answers where the checkpoint is now, or nothing when another process holds it. */
  private async handle(after: GlobalPosition, page: FeedPage): Promise<GlobalPosition | undefined> {
    const { name, delivery } = this.options;
    const handle = async (): Promise<void> => {
      const { events } = page;
      if (events.length > 0) await handlingBatch(name, events, () => this.options.handle(events));
    };
    if (delivery === 'at-least-once') await handle();
    return this.database.transaction(async () => {
      const held = await this.checkpoints.hold(name, false, currentTenant(), this.startsAfter);
      if (!held) return undefined;
      if (held.created) await this.options.start?.();
      if (held.position !== after) return held.position;
      if (delivery !== 'at-least-once') await handle();
      if (page.through > after) await this.checkpoints.save(name, page.through);
      return page.through;
    });
  }

  private fail(tenantId: TenantId, error: unknown, attempts: number): void {
    // What was remembered may be what is wrong (a rebuild moved the checkpoint): read it anew.
    this.positions.delete(tenantId);
    const delay = delayOf(FAILURE_BACKOFF, attempts);
    const failure = { name: this.options.name, tenantId, error, attempts, retryAt: new Date(Date.now() + delay) };
    this.failing.set(tenantId, failure);
    this.tellFailure(failure);
  }
}
