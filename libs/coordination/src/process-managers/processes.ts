// What operators do about instances, from any process, for the running tenant.
import { type Database, loadSql } from '@concord/database';
import type { EventStore } from '@concord/event-store';
import {
  ConcordError,
  InvalidArgument,
  newId,
  NO_REVISION,
  type RecordedEvent,
  WrongExpectedVersion,
} from '@concord/kernel';
import { currentTenant, type TenantId } from '@concord/tenancy';
import { assertSaid } from '../two-phase/in-doubt.js';
import type { ProcessReleased } from './process-events.js';
import { type InstanceEvent, ProcessInstance, type RunningTimer } from './process-instance.js';
import type { ProcessStatus } from './process-rows.js';
import { streamOfProcess } from './process-work.js';

const sql = {
  find: loadSql(import.meta.url, 'sql/find-process.sql'),
  list: loadSql(import.meta.url, 'sql/list-processes.sql'),
  count: loadSql(import.meta.url, 'sql/count-processes.sql'),
  resume: loadSql(import.meta.url, 'sql/resume-process.sql'),
};

/** An instance, as operators see it. */
export interface ProcessSummary {
  readonly process: string;
  readonly instanceId: string;
  readonly status: ProcessStatus;
  /** Of its code; null before it has begun. */
  readonly version: number | null;
  /** When it is looked at next; null: when something comes. */
  readonly dueAt: Date | null;
  /** In a row, without anything done. */
  readonly attempts: number;
  /** Why the last attempt failed, it is quarantined, or it was compensated. */
  readonly reason: string | null;
  readonly createdAt: Date;
  readonly changedAt: Date;
}

/** As its stream tells it. */
export interface ProcessDetails extends ProcessSummary {
  readonly state: unknown;
  /** Steps whose commands are not settled, in the order in which they are sent. */
  readonly owed: readonly string[];
  /** Steps that would be undone, the first to be undone first. */
  readonly undoable: readonly string[];
  readonly timers: readonly { readonly name: string; readonly dueAt: Date }[];
  readonly history: readonly RecordedEvent[];
}

/** Instances of a process manager, counted. */
export interface ProcessCount {
  readonly tenantId: TenantId;
  readonly status: ProcessStatus;
  readonly instances: number;
}

/** There is no such instance, or it is not in the state that the call is for; nothing was changed. */
export class ProcessNotReleasable extends ConcordError {
  readonly code = 'process-not-releasable';
}

interface Row {
  readonly process: string;
  readonly instance_id: string;
  readonly status: ProcessStatus;
  readonly version: number | null;
  readonly due_at: Date | null;
  readonly attempts: number;
  readonly reason: string | null;
  readonly created_at: Date;
  readonly changed_at: Date;
}

const PAGE = 100;
const MOST = 1000;

/** The instances of process managers: inject it. */
export class Processes {
  constructor(
    private readonly store: EventStore,
    private readonly database: Database,
    /** Something may be due. */
    private readonly wake: () => void = () => undefined,
  ) {}

  /** The running tenant's instances in the order of their ids, those of one status or all. */
  async list(
    process: string,
    page: { readonly status?: ProcessStatus; readonly after?: string; readonly limit?: number } = {},
  ): Promise<ProcessSummary[]> {
    const { status = null, after = '', limit = PAGE } = page;
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST) {
      throw new InvalidArgument(`a page has 1 to ${MOST} instances, not ${limit}`);
    }
    const rows = await this.database.query<Row>(sql.list, [process, currentTenant(), after, status, limit]);
    return rows.map(summaryOf);
  }

  /** Those that are set aside, with the reason. */
  quarantined(
    process: string,
    page: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<ProcessSummary[]> {
    return this.list(process, { ...page, status: 'quarantined' });
  }

  /** How many there are, by tenant and status: of all tenants. */
  async count(process: string): Promise<ProcessCount[]> {
    const rows = await this.database.query<{ tenant_id: TenantId; status: ProcessStatus; instances: number }>(
      sql.count,
      [process],
    );
    return rows.map(({ tenant_id: tenantId, ...row }) => ({ tenantId, ...row }));
  }

  /** An instance with its state and history; undefined when nothing ever came for it. */
  async find(process: string, instanceId: string): Promise<ProcessDetails | undefined> {
    const [row] = await this.database.query<Row>(sql.find, [process, currentTenant(), instanceId]);
    if (!row) return undefined;
    const { instance, history } = await this.load(process, instanceId);
    return {
      ...summaryOf(row),
      state: instance.state,
      owed: instance.owed.map(({ step }) => step),
      undoable: instance.undoable.map(({ step }) => step).reverse(),
      timers: [...instance.timers.values()].map(({ name, dueAt }: RunningTimer) => ({ name, dueAt })),
      history,
    };
  }

  /**
   * Has a quarantined instance go on where it failed; who says so and why is kept in its history. Errors:
   * ProcessNotReleasable; InvalidArgument.
   */
  async release(
    process: string,
    instanceId: string,
    said?: { readonly by: string; readonly reason: string },
  ): Promise<void> {
    if (said) assertSaid(said.by, said.reason);
    await this.resume(process, instanceId, said ? { by: said.by, because: said.reason } : {});
  }

  /** Gives a quarantined instance up: it fails for this reason, and what it did is undone. Errors: as release(). */
  async fail(process: string, instanceId: string, reason: string, by?: string): Promise<void> {
    if (by !== undefined) assertSaid(by, reason);
    await this.resume(process, instanceId, { fails: reason, ...(by !== undefined && { by }) });
  }

  private async resume(process: string, instanceId: string, data: ProcessReleased['data']): Promise<void> {
    const { instance } = await this.load(process, instanceId);
    if (!instance.quarantined) {
      throw new ProcessNotReleasable(`${process} ${instanceId} is not quarantined: see Processes.quarantined()`);
    }
    if (data.fails !== undefined && instance.phase !== 'running') {
      throw new ProcessNotReleasable(`${process} ${instanceId} is not running, but ${instance.phase}: release it`);
    }
    const stream = streamOfProcess(process, instanceId);
    const events = [{ id: newId(), type: 'ProcessReleased', data }];
    const status = data.fails !== undefined || instance.phase === 'compensating' ? 'compensating' : 'running';
    const expected = instance.revision === NO_REVISION ? 'no-stream' : instance.revision;
    try {
      await this.store.transaction(async () => {
        await this.store.append({ stream, expected, events });
        await this.database.query(sql.resume, [process, currentTenant(), instanceId, status]);
      });
    } catch (error) {
      if (!(error instanceof WrongExpectedVersion)) throw error;
      throw new ProcessNotReleasable(`somebody has just changed ${process} ${instanceId}: look again`);
    }
    this.wake();
  }

  private async load(
    process: string,
    instanceId: string,
  ): Promise<{ readonly instance: ProcessInstance; readonly history: readonly RecordedEvent[] }> {
    const instance = new ProcessInstance(instanceId);
    const history: RecordedEvent[] = [];
    for await (const event of this.store.readStream(streamOfProcess(process, instanceId))) {
      history.push(event);
      instance.apply(event as unknown as InstanceEvent);
    }
    return { instance, history };
  }
}

function summaryOf(row: Row): ProcessSummary {
  const { instance_id: instanceId, due_at: dueAt, created_at: createdAt, changed_at: changedAt, ...rest } = row;
  return { ...rest, instanceId, dueAt, createdAt, changedAt };
}
