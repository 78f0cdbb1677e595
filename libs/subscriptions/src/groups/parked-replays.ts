// Handles parked events once more, when an operator has asked for it. What fails again stays parked.
import { loadSql } from '@concord/database';
import { ConcordError, type RecordedEvent, StreamDeleted, type StreamName, type StreamPosition } from '@concord/kernel';
import { runInTenant, type TenantId } from '@concord/tenancy';
import { NotYet } from './consumer-groups.js';
import type { GroupWork } from './group-work.js';
import { reasonOf } from './reason.js';
import { isNobodysFault, type SliceDelivery } from './slice-delivery.js';

const sql = {
  asked: loadSql(import.meta.url, 'sql/read-asked-replay.sql'),
  take: loadSql(import.meta.url, 'sql/take-parked-event.sql'),
  keep: loadSql(import.meta.url, 'sql/keep-parked-event.sql'),
  pass: loadSql(import.meta.url, 'sql/pass-waiting-event.sql'),
};

class NoLongerParked extends ConcordError {
  readonly code = 'no-longer-parked';
}

interface Replay {
  readonly tenant: TenantId;
  readonly eventId: string;
  /** By the monotonic clock. */
  dueAt: number;
}

const NOT_YET_MS = 100;

interface ParkedRow {
  readonly attempts: number;
  readonly stream_name: StreamName;
  readonly stream_position: StreamPosition;
}

class Unread {
  constructor(readonly cause: unknown) {}
}

export class ParkedReplays {
  private readonly asked = new Map<string, Replay>();

  constructor(
    private readonly work: GroupWork,
    private readonly delivery: SliceDelivery,
  ) {}

  nextDueIn(): number {
    const next = Math.min(Number.POSITIVE_INFINITY, ...[...this.asked.values()].map(({ dueAt }) => dueAt));
    return Math.max(0, next - performance.now());
  }

  ask(tenant: TenantId, eventId: string): void {
    this.asked.set(`${tenant}/${eventId}`, { tenant, eventId, dueAt: 0 });
  }

  /** Replays one that is due; answers its stream, which may go on now. */
  async step(): Promise<{ tenant: TenantId; stream: StreamName } | undefined> {
    const now = performance.now();
    for (const [key, replay] of this.asked) {
      if (replay.dueAt > now) continue;
      const stream = await this.replayUnlessNotYet(replay);
      if (stream instanceof NotYet) continue;
      this.asked.delete(key);
      if (stream) return { tenant: replay.tenant, stream };
    }
    return undefined;
  }

  /** The tenant may have to be left alone for the moment: that holds up no other one. */
  private async replayUnlessNotYet(replay: Replay): Promise<StreamName | undefined | NotYet> {
    try {
      return await runInTenant(replay.tenant, () => this.replay(replay));
    } catch (error) {
      if (!(error instanceof NotYet)) throw error;
      replay.dueAt = performance.now() + NOT_YET_MS;
      return error;
    }
  }

  private async replay({ tenant, eventId }: Replay): Promise<StreamName | undefined> {
    const { database, settings } = this.work;
    const key = [settings.name, tenant, eventId];
    // It may have been heard of twice: once before it was done.
    const [row] = await database.query<ParkedRow>(sql.asked, key);
    if (!row) return undefined;
    const event = await this.find(eventId, row);
    const failed = event instanceof Unread ? event.cause : await this.attempt(event, row.attempts + 1, key);
    if (failed !== undefined && !(failed instanceof NoLongerParked)) {
      await this.delivery.settle(() => void database.query(sql.keep, [...key, reasonOf(failed)]));
      this.work.report({ ...(event instanceof Unread ? {} : { event }), error: failed, outcome: 'parked' });
    }
    return event instanceof Unread ? undefined : event.stream;
  }

  /** What cannot be read stays parked, and holds up nobody else. */
  private async find(eventId: string, row: ParkedRow): Promise<RecordedEvent | Unread> {
    try {
      return (await this.read(eventId, row)) ?? new Unread(new Error('the event is not there any more'));
    } catch (error) {
      if (isNobodysFault(error)) throw error;
      return new Unread(error);
    }
  }

  /** By its id or, in a store that has no such look-up, at its place in its stream. */
  private async read(eventId: string, row: ParkedRow): Promise<RecordedEvent | undefined> {
    const { store } = this.work;
    if (store.capabilities.findEventsById) return (await store.findEvents([eventId]))[0];
    try {
      const there = store.readStream(row.stream_name, { from: row.stream_position, limit: 1 });
      return (await Array.fromAsync(there)).find(({ id }) => id === eventId);
    } catch (error) {
      if (error instanceof StreamDeleted) return undefined;
      throw error;
    }
  }

  private async attempt(event: RecordedEvent, attempt: number, key: readonly unknown[]): Promise<unknown> {
    const { database, settings } = this.work;
    const outcome = await this.delivery.deliver([event], attempt, async () => {
      // Discarded meanwhile: then it is not handled either.
      const taken = await database.query(sql.take, key);
      if (taken.length === 0) throw new NoLongerParked(`event ${event.id} was discarded while it was replayed`);
      void database.query(sql.pass, [
        settings.name,
        event.metadata.tenantId,
        event.stream,
        event.streamPosition,
        event.globalPosition,
      ]);
    });
    return 'failed' in outcome ? outcome.failed : undefined;
  }
}
