// The projections of a running app: started and stopped with it, waited for, rebuilt, compared.
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Database, loadSql } from '@concord/database';
import { EventStore } from '@concord/event-store';
import type { GlobalPosition } from '@concord/kernel';
import { Checkpoints, type ConsumerFailure, type GroupFailure, Signal } from '@concord/subscriptions';
import { currentTenant, runInTenant } from '@concord/tenancy';
import { compare, type CompareOptions, type ProjectionComparison } from './comparison.js';
import { digestOf } from './digest.js';
import { isSliced, type ProjectionDefinition, subscriptionName } from './projection.js';
import { PartitioningChanged } from './projection-errors.js';
import { ProjectionRegistry } from './projection-registry.js';
import { rebuild, type RebuildProgress } from './rebuild.js';
import type { ProjectionFailure, RunningProjection } from './running-projection.js';
import { SingleProjection } from './single-projection.js';
import { SlicedProjection } from './sliced-projection.js';

/** Which tenants a rebuild is for (all when absent), and who is told how far it is. */
export interface RebuildOptions {
  readonly tenantId?: string;
  readonly onProgress?: (progress: RebuildProgress) => void;
}

/** Whether this process runs asynchronous projections; `false` for command-line tools. */
export class ProjectionSettings {
  /** `deploys: false`: versions that are new here stay undeployed, for whoever only looks. */
  constructor(
    readonly run: boolean,
    readonly deploys = true,
  ) {}
}

const sql = {
  partition: loadSql(import.meta.url, 'sql/partition-projection.sql'),
  position: loadSql(import.meta.url, 'sql/read-position.sql'),
};
const POLL_MS = 50;
// No tenant has this id: it stands for the deployment of a version, which is for all of them.
const ALL_TENANTS = '*';

/** The projections of a running app. */
@Injectable()
export class Projections implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Projections.name);
  private readonly running = new Map<string, RunningProjection>();
  private readonly checkpoints: Checkpoints;
  private readonly asked = new Map<string, Promise<GlobalPosition>>();

  constructor(
    private readonly registry: ProjectionRegistry,
    private readonly store: EventStore,
    private readonly database: Database,
    private readonly settings: ProjectionSettings,
  ) {
    this.checkpoints = new Checkpoints(database);
  }

  /** Errors: PartitioningChanged. */
  async onApplicationBootstrap(): Promise<void> {
    if (!this.settings.deploys) return;
    for (const projection of this.registry.all) {
      if (this.isInline(projection)) await this.deployInline(projection);
      else await this.deploy(projection);
    }
    if (!this.settings.run) return;
    try {
      for (const each of this.running.values()) await each.start();
    } catch (error) {
      // An app that does not start is not stopped either.
      await this.onModuleDestroy();
      throw error;
    }
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([...this.running.values()].map((each) => each.stop()));
  }

  /** What does not move on at present in this process, and why. */
  get failures(): readonly ProjectionFailure[] {
    return [...this.running.values()].flatMap((each) => each.failures);
  }

  /** All projections. */
  get all(): readonly ProjectionDefinition[] {
    return this.registry.all;
  }

  /**
   * Waits until a projection shows everything up to a position, for the running tenant. False: not within the time.
   * An inline projection shows what its command has committed at once, where the store can do that. Errors: InvalidArgument for an unknown name.
   */
  async waitFor(name: string, position: GlobalPosition, milliseconds: number): Promise<boolean> {
    const projection = this.registry.get(name);
    if (this.isInline(projection)) return true;
    const deadline = Date.now() + milliseconds;
    const advanced = this.advanced(name);
    for (let askAt = 0; ;) {
      const { seen } = advanced;
      // What this process has done it knows; what another one has done it asks for now and then.
      if (this.knownPosition(name) >= position) return true;
      if (Date.now() >= Math.min(askAt, deadline)) {
        if ((await this.askPosition(name)) >= position) return true;
        askAt = Date.now() + POLL_MS;
      }
      const left = deadline - Date.now();
      if (left <= 0) return false;
      await advanced.wait(seen, Math.min(POLL_MS, left));
    }
  }

  /** Many may wait at once: one question for all. */
  private askPosition(name: string): Promise<GlobalPosition> {
    const key = JSON.stringify([name, currentTenant()]);
    const asked = this.asked.get(key);
    if (asked) return asked;
    // Not in the ambient transaction of whoever is the first to ask.
    const asking = this.database.outside(() => this.position(name)).finally(() => this.asked.delete(key));
    this.asked.set(key, asking);
    return asking;
  }

  /** How far this process knows a projection to have come for the running tenant, without asking; -1n when it does not. */
  knownPosition(name: string): GlobalPosition {
    return this.running.get(name)?.positionOf(currentTenant()) ?? -1n;
  }

  /** Raised when this process has moved a projection on, for whatever tenant. */
  advanced(name: string): Signal {
    return this.running.get(name)?.advanced ?? new Signal();
  }

  /**
   * How far an asynchronous projection has come for the running tenant; 0n before its first batch. With slices: up to where all
   * of them are done, and no stream waits.
   */
  async position(name: string): Promise<GlobalPosition> {
    const projection = this.registry.get(name);
    if (isSliced(projection)) {
      const key = [subscriptionName(projection), currentTenant()];
      const [row] = await this.database.query<{ position: GlobalPosition }>(sql.position, key);
      return row?.position ?? 0n;
    }
    return (await this.checkpoints.read(subscriptionName(this.registry.get(name)))) ?? 0n;
  }

  /** Why a projection does not move on for the running tenant at present; undefined when it does. */
  failureOf(name: string): ProjectionFailure | undefined {
    const subscription = subscriptionName(this.registry.get(name));
    return this.failures.find((failure) => failure.name === subscription && failure.tenantId === currentTenant());
  }

  /** Rebuilds a projection from the streams, in place; answers the number of events projected. */
  async rebuild(name: string, options: RebuildOptions = {}): Promise<number> {
    const projection = this.registry.get(name);
    let events = 0;
    for (const tenant of await this.tenantsOf(options)) {
      events += await runInTenant(tenant, () => rebuild(this.store, this.database, projection, options.onProgress));
    }
    return events;
  }

  /**
   * A dry run of rebuild(): replays a projection as it is in this process where nobody else sees it, and tells what a rebuild would
   * change, for each tenant. Rows and replay are compared at the same place, whatever goes on meanwhile. Changes nothing. Errors:
   * InvalidArgument; the projector's; ProjectorReachesOut; TransientConflict, when it was rebuilt meanwhile.
   */
  async compare(name: string, options: CompareOptions = {}): Promise<ProjectionComparison[]> {
    const projection = this.registry.get(name);
    const { store, database } = this;
    const sources = { store, database, projection, isInline: this.isInline(projection) };
    // Not in a transaction of the caller's, whose snapshot or locks might be in the way.
    return database.outside(async () => {
      const compared: ProjectionComparison[] = [];
      for (const tenant of await this.tenantsOf(options)) {
        compared.push(await runInTenant(tenant, () => compare(sources, options)));
      }
      return compared;
    });
  }

  /** A digest of a projection's rows, of one tenant or of all: equal digests, equal rows. */
  async digest(name: string, tenantId?: string): Promise<string> {
    return digestOf(this.database, this.registry.get(name), tenantId);
  }

  private async tenantsOf({ tenantId }: { readonly tenantId?: string }): Promise<readonly string[]> {
    return tenantId ? [tenantId] : (await this.store.tenantHeads()).map((head) => head.tenantId);
  }

  /** Whether it runs within commands: with a store that cannot commit rows with events, nothing does. */
  private isInline({ consistency }: ProjectionDefinition): boolean {
    return consistency === 'inline' && this.store.capabilities.sameTransactionAsReadModels;
  }

  /** Errors: PartitioningChanged. */
  private async deploy(projection: ProjectionDefinition): Promise<void> {
    const { name, version } = projection;
    const wanted = isSliced(projection) ? projection.partitioning.slices : 0;
    const [row] = await this.database.query<{ slices: number }>(sql.partition, [subscriptionName(projection), wanted]);
    const is = row?.slices ?? wanted;
    if (is !== wanted) throw new PartitioningChanged(name, version, { is, wanted });
    this.running.set(
      name,
      isSliced(projection)
        ? new SlicedProjection(this.store, this.database, projection, (failure) => this.tellOfSlice(failure))
        : new SingleProjection(this.store, this.database, projection, (failure) => this.tell(failure)),
    );
  }

  private tell({ name, tenantId, error, attempts, retryAt }: ConsumerFailure): void {
    this.logger.error({ projection: name, tenantId, attempts, retryAt, err: error }, `projection ${name} failed`);
  }

  private tellOfSlice({ group, slice, tenantId, event, error, outcome }: GroupFailure): void {
    const place = event && { tenantId: event.metadata.tenantId, stream: event.stream, eventId: event.id };
    const told = { projection: group, slice, tenantId, ...place, err: error };
    // That a slice has gone elsewhere is nothing to get up for at night.
    if (event) this.logger.error(told, `projection ${group} failed: ${outcome}`);
    else this.logger.warn(told, `projection ${group}: ${outcome}`);
  }

  /** An inline projection of a version that never ran is built from what is there, before commands keep it up. */
  private async deployInline(projection: ProjectionDefinition): Promise<void> {
    const deployed = `inline:${subscriptionName(projection)}`;
    await this.database.transaction(async (transaction) => {
      // Another instance may be building it.
      transaction.bePatient();
      await this.database.query({ text: 'set local lock_timeout = 0' });
      const held = await this.checkpoints.hold(deployed, true, ALL_TENANTS);
      if (held?.created) await this.rebuild(projection.name);
    });
  }
}
