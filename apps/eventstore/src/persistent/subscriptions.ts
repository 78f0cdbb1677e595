// The persistent subscriptions of the tenant. One server at a time serves them; the others say which one does.
import { Logger } from '@nestjs/common';
import type { Database } from '@concord/database';
import type { EventStore, StoredEvents } from '@concord/event-store';
import { Checkpoints, SoleOwner } from '@concord/subscriptions';
import { runInTenant, type TenantId } from '@concord/tenancy';
import type { Wake } from '../reading/wake.js';
import { loadConfiguration, saveConfiguration } from './configuration.js';
import { type Address, type Definition, keyOf } from './definition.js';
import { alreadyExists, doesNotExist, dropped, NoLeader, NotLeader } from './failures.js';
import { checkpointNameOf, PersistentSubscription, type SubscriptionParts } from './subscription.js';

export interface PersistentSubscriptionsParts {
  readonly database: Database;
  readonly store: EventStore;
  readonly stored: StoredEvents;
  readonly wake: Wake;
  readonly mayResolve: SubscriptionParts['mayResolve'];
  readonly tenant: TenantId;
  readonly leaseMs: number;
  /** Where clients find this server, `host:port`. */
  readonly endpoint: () => string;
}

type ByKey = Map<string, PersistentSubscription>;

const logger = new Logger('PersistentSubscriptions');

export class PersistentSubscriptions {
  private readonly checkpoints: Checkpoints;
  private owner: SoleOwner | undefined;
  private opened: Promise<ByKey> | undefined;
  private closed: Error | undefined;
  /** Changes are made one after the other. */
  private changing: Promise<unknown> = Promise.resolve();

  constructor(private readonly parts: PersistentSubscriptionsParts) {
    this.checkpoints = new Checkpoints(parts.database);
  }

  /** Errors: NotLeader, NoLeader, as for every other call here. */
  async all(): Promise<readonly PersistentSubscription[]> {
    return [...(await this.open()).values()];
  }

  /** Errors: SubscriptionFailure. */
  async find(address: Address): Promise<PersistentSubscription> {
    const found = (await this.open()).get(keyOf(address));
    if (!found) throw doesNotExist(address);
    return found;
  }

  /** Errors: SubscriptionFailure. */
  create(definition: Definition, by: string): Promise<void> {
    return this.change(async (open) => {
      if (open.has(keyOf(definition))) throw alreadyExists(definition);
      await this.save([...definitionsOf(open), definition], by);
      await this.beginAgain(open, definition);
    });
  }

  /** Consumers are dropped and may connect again. Errors: SubscriptionFailure. */
  update(revised: Definition, by: string): Promise<void> {
    return this.replace(revised, 'it was updated', async (open, present) => {
      await this.save(
        definitionsOf(open).map((definition) => (definition === present ? revised : definition)),
        by,
      );
      return revised;
    });
  }

  /** With its checkpoint and what is parked. Errors: SubscriptionFailure. */
  delete(address: Address, by: string): Promise<void> {
    return this.replace(address, 'it was deleted', async (open, present) => {
      const { parked } = await this.find(address);
      const others = definitionsOf(open).filter((definition) => definition !== present);
      await this.fenced(async () => {
        await saveConfiguration(this.parts.store, others, by);
        await this.checkpoints.drop(checkpointNameOf(present));
        await parked.delete();
      });
      return undefined;
    });
  }

  /** All consumers are dropped, and everything is loaded anew. */
  async restart(): Promise<void> {
    await this.change(async () => {
      await this.stopAll((address) => dropped(address, 'persistent subscriptions were restarted'));
    });
    await this.open();
  }

  /** Another server may take over at once; nothing is served here any more. */
  async close(error: Error): Promise<void> {
    this.closed = error;
    await runInTenant(this.parts.tenant, () => this.stopAll(() => error));
    await this.owner?.leave();
  }

  /** Errors: NotLeader, NoLeader. */
  private async open(): Promise<ByKey> {
    if (this.closed) throw this.closed;
    const owner = (this.owner ??= this.makeOwner());
    await owner.start();
    if (!owner.isOwner) await this.awaitOwnership(owner);
    this.opened ??= this.load().catch((error: unknown) => {
      this.opened = undefined;
      throw error;
    });
    return this.opened;
  }

  private makeOwner(): SoleOwner {
    const { database, tenant, leaseMs, endpoint } = this.parts;
    return new SoleOwner(database, {
      name: `persistent-subscriptions:${tenant}`,
      label: endpoint(),
      leaseMs,
      onLost: () => void runInTenant(tenant, () => this.lose()),
      onFailure: (error) => logger.warn(`no heartbeat: ${String(error)}`),
    });
  }

  /** An owner at our own address is a server that ended without a word: its lease soon ends. */
  private async awaitOwnership(owner: SoleOwner): Promise<void> {
    const label = await owner.owner();
    if (label !== undefined && label !== this.parts.endpoint()) throw notLeader(label);
    const deadline = performance.now() + 2 * this.parts.leaseMs;
    while (!owner.isOwner && performance.now() < deadline) await owner.wait(deadline - performance.now());
    if (owner.isOwner) return;
    const now = await owner.owner();
    throw now === undefined || now === this.parts.endpoint() ? new NoLeader() : notLeader(now);
  }

  private async load(): Promise<ByKey> {
    const open: ByKey = new Map();
    for (const definition of await loadConfiguration(this.parts.store)) await this.begin(open, definition);
    return open;
  }

  private async begin(open: ByKey, definition: Definition): Promise<void> {
    const { store, stored, wake, mayResolve } = this.parts;
    const parts: SubscriptionParts = {
      store,
      stored,
      wake,
      mayResolve,
      checkpoints: this.checkpoints,
      fenced: (work) => this.fenced(work),
      isOwner: () => this.owner?.isOwner ?? false,
    };
    const subscription = new PersistentSubscription(parts, definition);
    await subscription.start();
    open.set(keyOf(definition), subscription);
  }

  /** Unless everything was stopped meanwhile: then it begins when it is loaded. */
  private async beginAgain(open: ByKey, definition: Definition): Promise<void> {
    const present = await this.opened?.catch(() => undefined);
    if (present === open) await this.begin(open, definition);
  }

  private change(work: (open: ByKey) => Promise<void>): Promise<void> {
    const changed = this.changing.then(async () => work(await this.open()));
    this.changing = changed.catch(() => undefined);
    return changed;
  }

  /** Stops it, lets `work` say what comes in its place, and goes on with that; with what there was, when `work` fails. */
  private replace(
    address: Address,
    why: string,
    work: (open: ByKey, present: Definition) => Promise<Definition | undefined>,
  ): Promise<void> {
    return this.change(async (open) => {
      const found = open.get(keyOf(address));
      if (!found) throw doesNotExist(address);
      const present = found.definition;
      await found.stop(dropped(address, why));
      let next: Definition | undefined = present;
      try {
        next = await work(open, present);
      } finally {
        open.delete(keyOf(address));
        if (next) await this.beginAgain(open, next);
      }
    });
  }

  private save(definitions: readonly Definition[], by: string): Promise<void> {
    return this.fenced(() => saveConfiguration(this.parts.store, definitions, by));
  }

  private fenced<T>(work: () => Promise<T>): Promise<T> {
    return this.parts.store.transaction(async () => {
      await this.owner?.hold();
      return work();
    });
  }

  private async lose(): Promise<void> {
    await this.stopAll(() => new NoLeader());
  }

  private async stopAll(errorOf: (address: Address) => Error): Promise<void> {
    const { opened } = this;
    this.opened = undefined;
    const open = await opened?.catch(() => undefined);
    await Promise.all([...(open?.values() ?? [])].map((one) => one.stop(errorOf(one.definition))));
  }
}

function definitionsOf(open: ByKey): Definition[] {
  return [...open.values()].map(({ definition }) => definition);
}

function notLeader(label: string): NotLeader {
  const colon = label.lastIndexOf(':');
  return new NotLeader(label.slice(0, colon), Number(label.slice(colon + 1)));
}
