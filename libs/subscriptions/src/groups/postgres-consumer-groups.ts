// Consumer groups on PostgreSQL: slices, leases, checkpoints and parked events are rows. Events come from any EventStore.
import { hostname } from 'node:os';
import { type Database, loadSql } from '@concord/database';
import type { EventStore } from '@concord/event-store';
import { assertCategory, type GlobalPosition, InvalidArgument, newId } from '@concord/kernel';
import { withoutTrace } from '@concord/telemetry';
import { callback } from '../callback.js';
import type { Delivery } from '../delivery.js';
import { Signal } from '../signal.js';
import {
  type ConsumerGroupOptions,
  ConsumerGroups,
  type GroupFailure,
  type GroupMembership,
  type GroupState,
  type HandleBatch,
  type HandleEvent,
  type ParkedEvent,
} from './consumer-groups.js';
import { describeGroup } from './describe-group.js';
import { FeedPages } from './feed-pages.js';
import { GroupMember } from './group-member.js';
import type { GroupSettings } from './group-work.js';
import { Limiter } from './limiter.js';
import { discardParked, listParked, replayParked } from './parked-events.js';
import { HASH_VALUES } from './slices.js';

const openGroup = loadSql(import.meta.url, 'sql/open-group.sql');

const DEFAULT_SLICES = 16;
const DEFAULTS = {
  maxAttempts: 5,
  retry: { firstMs: 200, mostMs: 30_000 },
  whenParked: 'block',
  onFailure: 'park',
  pageSize: 256,
  savesIdle: false,
  leaseMs: 10_000,
  concurrency: 4,
  batchSize: 32,
} as const;
const MAX_NAME = 200;

/** Consumer groups on PostgreSQL. */
export class PostgresConsumerGroups extends ConsumerGroups {
  override readonly deliveries: readonly Delivery[] = ['exactly-once-in-database', 'at-least-once'];

  constructor(
    private readonly store: EventStore,
    private readonly database: Database,
  ) {
    super();
  }

  override async join(
    options: ConsumerGroupOptions,
    handle: HandleEvent | HandleBatch,
    onFailure: (failure: GroupFailure) => void = () => undefined,
  ): Promise<GroupMembership> {
    checkOptions(options);
    const { store, database } = this;
    const settings: GroupSettings = { ...DEFAULTS, label: `${hostname()}:${process.pid}`, ...options };
    const { slices, startsAfter } = await this.open(options);
    const { name, concurrency, categories, types } = settings;
    const memberId = newId();
    const tell = callback(onFailure, 'ConcordOnFailure');
    const member = new GroupMember({
      settings,
      memberId,
      startsAfter,
      store,
      database,
      handle,
      pages: new FeedPages(
        store,
        { ...(categories && { categories }), ...(types && { types }) },
        slices,
        settings.pageSize,
      ),
      slices,
      advanced: new Signal(),
      limiter: new Limiter(concurrency),
      report: (failure) => tell({ group: name, memberId, ...failure }),
    });
    await withoutTrace(() => member.start());
    return member;
  }

  override describe(group: string): Promise<GroupState> {
    return describeGroup(this.database, group);
  }

  override parked(group: string, page: { after?: GlobalPosition; limit?: number } = {}): Promise<ParkedEvent[]> {
    return listParked(this.database, group, page);
  }

  override replay(group: string, eventIds: readonly string[]): Promise<number> {
    return replayParked(this.database, group, eventIds);
  }

  override discard(group: string, eventIds: readonly string[]): Promise<number> {
    return discardParked(this.database, group, eventIds);
  }

  /** Errors: InvalidArgument when the group was made with another number of slices. */
  private async open({ name, slices, from }: ConsumerGroupOptions): Promise<Opened> {
    const starts = from === 'now' ? await this.store.lastPosition() : (from ?? 0n);
    const values = [name, slices ?? DEFAULT_SLICES, starts];
    const [row] = await this.database.query<{ slices: number; starts_after: GlobalPosition }>(openGroup, values);
    if (!row) throw new Error('unreachable: the function answers one row');
    if (slices !== undefined && slices !== row.slices) {
      throw new InvalidArgument(
        `consumer group "${name}" has ${row.slices} slices, not ${slices}: their number is fixed when the group is made`,
      );
    }
    return { slices: row.slices, startsAfter: row.starts_after };
  }
}

interface Opened {
  readonly slices: number;
  readonly startsAfter: GlobalPosition;
}

const NUMBERS = [
  ['slices', 1, HASH_VALUES],
  ['maxAttempts', 1, 1000],
  ['leaseMs', 100, 3_600_000],
  ['concurrency', 1, 1000],
  ['batchSize', 1, 10_000],
  ['pageSize', 1, 10_000],
] as const;

function checkOptions(options: ConsumerGroupOptions): void {
  checkName(options.name);
  for (const category of options.categories ?? []) assertCategory(category);
  for (const [option, least, most] of NUMBERS) {
    const value = options[option];
    if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) continue;
    throw new InvalidArgument(`${option} of a consumer group is a whole number from ${least} to ${most}, not ${value}`);
  }
}

function checkName(name: string): void {
  if (name.length === 0 || name.length > MAX_NAME || /\p{Cc}/u.test(name) || !name.isWellFormed()) {
    throw new InvalidArgument(
      `a group's name has 1 to ${MAX_NAME} characters, no control characters and no lone surrogates`,
    );
  }
}
