// Streams of a slice that go their own way after a failure: tried again later and later, parked in the end, and back with
// the slice once they have caught up with it. Their slice passes over them meanwhile, so they hold up nobody else.
import { loadSql } from '@concord/database';
import {
  type GlobalPosition,
  parseStreamName,
  type RecordedEvent,
  StreamDeleted,
  type StreamName,
  type StreamPosition,
} from '@concord/kernel';
import { runInTenant, type TenantId } from '@concord/tenancy';
import { delayOf } from '../backoff.js';
import { type HeldUp, NotYet } from './consumer-groups.js';
import type { GroupWork, OwnedSlice } from './group-work.js';
import { ParkedReplays } from './parked-replays.js';
import { reasonOf } from './reason.js';
import { isNobodysFault, type SliceDelivery } from './slice-delivery.js';
import type { SliceProgress } from './slice-progress.js';

const sql = {
  load: loadSql(import.meta.url, 'sql/load-waiting-streams.sql'),
  read: loadSql(import.meta.url, 'sql/read-waiting-stream.sql'),
  put: loadSql(import.meta.url, 'sql/put-waiting-stream.sql'),
  pass: loadSql(import.meta.url, 'sql/pass-waiting-event.sql'),
  end: loadSql(import.meta.url, 'sql/end-waiting-stream.sql'),
  park: loadSql(import.meta.url, 'sql/park-event.sql'),
};

/** A stream to look at, or, with an event, a parked event to replay. */
export interface Asked {
  readonly tenant: TenantId;
  readonly stream: StreamName;
  readonly eventId: string | null;
}

interface Waiting {
  readonly tenant: TenantId;
  readonly stream: StreamName;
  /** By the monotonic clock of this process; never, while it waits for an operator. */
  dueAt: number;
  attempts: number;
  error: unknown;
}

type Failure = Pick<Waiting, 'attempts' | 'error'>;

interface LoadedRow {
  readonly tenant_id: TenantId;
  readonly stream_name: StreamName;
  readonly attempts: number;
  readonly reason: string;
  readonly due_in: number | null;
}

interface StoredRow {
  readonly next_position: StreamPosition;
  readonly done_through: GlobalPosition;
  readonly attempts: number;
  readonly due_in: number | null;
}

const NEVER = Number.POSITIVE_INFINITY;
const LOOK_AHEAD = 16;
const BEHIND_MS = 50;
const TROUBLE_MS = 1000;
const NOT_YET_MS = 100;

export class WaitingStreams {
  private readonly streams = new Map<string, Waiting>();
  private readonly replays: ParkedReplays;

  constructor(
    private readonly work: GroupWork,
    private readonly owned: OwnedSlice,
    private readonly progress: SliceProgress,
    private readonly delivery: SliceDelivery,
  ) {
    this.replays = new ParkedReplays(work, delivery);
  }

  async load(): Promise<void> {
    const key = [this.work.settings.name, this.owned.slice];
    const rows = await this.work.database.queryOutside<LoadedRow>(sql.load, key);
    this.streams.clear();
    for (const { tenant_id, stream_name, due_in, attempts, reason } of rows) {
      this.remember(tenant_id, stream_name, due_in, { attempts, error: new Error(reason) });
    }
  }

  has(tenant: TenantId, stream: StreamName): boolean {
    return this.streams.has(keyOf(tenant, stream));
  }

  hasAnyOf(tenant: TenantId): boolean {
    return this.streams.size > 0 && [...this.streams.values()].some((one) => one.tenant === tenant);
  }

  /** Those that have failed, and not only have to catch up. */
  get heldUp(): readonly HeldUp[] {
    const now = performance.now();
    return [...this.streams.values()].flatMap(({ tenant, stream, dueAt, attempts, error }) => {
      if (attempts === 0) return [];
      const retryAt = dueAt === NEVER ? undefined : new Date(Date.now() + dueAt - now);
      return [{ slice: this.owned.slice, tenantId: tenant, stream, error, attempts, retryAt }];
    });
  }

  /** How many wait for their next attempt; those that wait for an operator do not count. */
  get retrying(): number {
    return [...this.streams.values()].filter(({ dueAt }) => dueAt !== NEVER).length;
  }

  nextDueIn(): number {
    const next = Math.min(NEVER, ...[...this.streams.values()].map(({ dueAt }) => dueAt));
    return Math.min(this.replays.nextDueIn(), Math.max(0, next - performance.now()));
  }

  ask({ tenant, stream, eventId }: Asked): void {
    if (eventId) this.replays.ask(tenant, eventId);
    else if (this.has(tenant, stream)) this.remember(tenant, stream, 0);
  }

  /** An event of the slice has failed: its stream waits from here on, and the slice goes on behind it. */
  async begin(event: RecordedEvent, error: unknown): Promise<void> {
    const { tenantId } = event.metadata;
    const dueIn = await this.settleFailure(event, 1, error, () => this.progress.save(tenantId, event.globalPosition));
    this.remember(tenantId, event.stream, dueIn, { attempts: 1, error });
  }

  /** One attempt at what is due. False: nothing is. */
  async step(): Promise<boolean> {
    const replayed = await this.replays.step();
    if (replayed) {
      if (this.has(replayed.tenant, replayed.stream)) this.remember(replayed.tenant, replayed.stream, 0);
      return true;
    }
    const now = performance.now();
    const due = [...this.streams.values()].find(({ dueAt }) => dueAt <= now);
    if (!due) return false;
    try {
      await runInTenant(due.tenant, () => this.goOn(due));
    } catch (error) {
      if (error instanceof NotYet) {
        this.remember(due.tenant, due.stream, NOT_YET_MS);
        return true;
      }
      if (isNobodysFault(error)) throw error;
      // It cannot be read, say: that is this stream's trouble, and not the slice's.
      this.work.report({ slice: this.owned.slice, error, outcome: 'interrupted' });
      this.remember(due.tenant, due.stream, TROUBLE_MS);
    }
    return true;
  }

  private async goOn(waiting: Waiting): Promise<void> {
    const { tenant, stream } = waiting;
    const key = [this.work.settings.name, tenant, stream];
    const [row] = await this.work.database.query<StoredRow>(sql.read, key);
    if (!row) throw new Error(`${stream} waits here, but not in the database`);
    if (row.due_in === null || row.due_in > 0) {
      this.remember(tenant, stream, row.due_in);
      return;
    }
    const event = await this.nextEvent(stream, row.next_position);
    const sliceIsAt = this.progress.of(tenant);
    if (!event || event.globalPosition > sliceIsAt) {
      // After a change of owner the slice may be behind: what the stream has done since, the slice must pass over first.
      if (sliceIsAt < row.done_through) this.remember(tenant, stream, BEHIND_MS);
      else await this.rejoin(waiting);
      return;
    }
    const attempt = row.attempts + 1;
    const outcome = await this.delivery.deliver([event], attempt, () => {
      void this.work.database.query(sql.pass, [...key, event.streamPosition, event.globalPosition]);
    });
    if ('failed' in outcome) {
      const dueIn = await this.settleFailure(event, attempt, outcome.failed);
      this.remember(tenant, stream, dueIn, { attempts: attempt, error: outcome.failed });
    } else waiting.attempts = 0;
  }

  /** The stream has caught up with its slice. The slice's own place is saved with it: nothing is met twice. */
  private async rejoin({ tenant, stream }: Waiting): Promise<void> {
    const reached = this.progress.of(tenant);
    await this.delivery.settle(() => {
      this.progress.save(tenant, reached);
      void this.work.database.query(sql.end, [this.work.settings.name, tenant, stream]);
    });
    this.progress.committed(tenant, reached);
    this.streams.delete(keyOf(tenant, stream));
  }

  /** Undefined when there is none: also when the stream was deleted for good while it waited. */
  private async nextEvent(stream: StreamName, from: StreamPosition): Promise<RecordedEvent | undefined> {
    try {
      return await this.findNext(stream, from);
    } catch (error) {
      if (error instanceof StreamDeleted) return undefined;
      throw error;
    }
  }

  private async findNext(stream: StreamName, from: StreamPosition): Promise<RecordedEvent | undefined> {
    const { types, categories } = this.work.settings;
    if (categories && !categories.includes(parseStreamName(stream).category)) return undefined;
    for (let next = from; ; next += BigInt(LOOK_AHEAD)) {
      let seen = 0;
      for await (const event of this.work.store.readStream(stream, { from: next, limit: LOOK_AHEAD })) {
        if (types?.includes(event.type) ?? true) return event;
        seen += 1;
      }
      if (seen < LOOK_AHEAD) return undefined;
    }
  }

  /** Says when the stream is due again, in milliseconds; null when it waits for an operator. */
  private async settleFailure(
    event: RecordedEvent,
    attempt: number,
    error: unknown,
    settleToo?: () => void,
  ): Promise<number | null> {
    const { name, maxAttempts, whenParked, retry } = this.work.settings;
    const { database } = this.work;
    const reason = reasonOf(error);
    const parks = attempt >= maxAttempts;
    const skips = parks && whenParked === 'skip';
    const dueIn = skips ? 0 : parks ? null : delayOf(retry, attempt);
    const key = [name, event.metadata.tenantId];
    const next = event.streamPosition + (skips ? 1n : 0n);
    const place = [this.owned.slice, event.stream, event.streamPosition, event.globalPosition, event.type];
    await this.delivery.settle(() => {
      if (parks) void database.query(sql.park, [...key, event.id, ...place, reason, attempt]);
      const counted = skips ? 0 : attempt;
      const done = skips ? event.globalPosition : null;
      const undone = event.globalPosition + (skips ? 1n : 0n);
      const goesOn = [event.stream, this.owned.slice, next];
      void database.query(sql.put, [...key, ...goesOn, counted, reason, dueIn, done, undone]);
      settleToo?.();
    });
    const outcome = parks ? 'parked' : 'retrying';
    this.work.report({ slice: this.owned.slice, event, error, outcome });
    return dueIn;
  }

  /** Without `failure`: it is what it was. */
  private remember(tenant: TenantId, stream: StreamName, dueIn: number | null, failure?: Failure): void {
    const dueAt = dueIn === null ? NEVER : performance.now() + dueIn;
    const { attempts, error } = failure ?? this.streams.get(keyOf(tenant, stream)) ?? { attempts: 0, error: undefined };
    this.streams.set(keyOf(tenant, stream), { tenant, stream, dueAt, attempts, error });
  }
}

function keyOf(tenant: TenantId, stream: StreamName): string {
  return `${tenant}/${stream}`;
}
