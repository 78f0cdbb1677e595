// Loads that are asked for at the same time travel in one call. There is no delay: whoever comes while calls are under way is
// in the next.
import { type Database, loadSql } from '@concord/database';
import type { StreamName } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { LoadedStream } from '../requests.js';
import { type LoadedRow, toLoadedStreams } from './rows.js';

interface Waiting {
  readonly tenant: TenantId;
  readonly stream: StreamName;
  readonly resolve: (loaded: LoadedStream) => void;
  readonly reject: (error: unknown) => void;
}

const MAX_UNDER_WAY = 2;
const MAX_STREAMS = 64;
const loadStreams = loadSql(import.meta.url, 'sql/load-streams.sql');

export class GroupLoad {
  private queue: Waiting[] = [];
  private underWay = 0;
  private isGathering = false;

  constructor(private readonly database: Database) {}

  /** What is committed now, without a lock. Errors: StreamDeleted, and what the database refuses. */
  load(tenant: TenantId, stream: StreamName): Promise<LoadedStream> {
    return new Promise((resolve, reject) => {
      this.queue.push({ tenant, stream, resolve, reject });
      this.gather();
    });
  }

  private gather(): void {
    if (this.isGathering || this.underWay >= MAX_UNDER_WAY || this.queue.length === 0) return;
    this.isGathering = true;
    process.nextTick(() => {
      this.isGathering = false;
      this.sendNext();
    });
  }

  /** As many streams of one tenant as go together. */
  private sendNext(): void {
    const tenant = this.queue[0]?.tenant;
    const most = Math.min(Math.ceil(this.queue.length / (MAX_UNDER_WAY - this.underWay)), MAX_STREAMS);
    const batch: Waiting[] = [];
    const rest: Waiting[] = [];
    for (const waiting of this.queue) {
      (waiting.tenant === tenant && batch.length < most ? batch : rest).push(waiting);
    }
    if (tenant === undefined) return;
    this.queue = rest;
    this.underWay += 1;
    void this.send(tenant, batch).finally(() => {
      this.underWay -= 1;
      this.gather();
    });
    this.gather();
  }

  /** Never rejects. */
  private async send(tenant: TenantId, batch: readonly Waiting[]): Promise<void> {
    const streams = [...new Set(batch.map(({ stream }) => stream))];
    try {
      const rows = await this.database.queryOutside<LoadedRow>(loadStreams, [tenant, streams]);
      const loaded = toLoadedStreams(streams, rows);
      for (const { stream, resolve, reject } of batch) {
        const own = loaded.get(stream);
        if (own) resolve(own);
        else reject(new Error('unreachable: every stream is answered'));
      }
    } catch (error) {
      this.failed(tenant, batch, error);
    }
  }

  /** One of them may have spoiled it for all: each finds out for itself. */
  private failed(tenant: TenantId, batch: readonly Waiting[], error: unknown): void {
    if (batch.length === 1) batch[0]?.reject(error);
    else for (const waiting of batch) void this.send(tenant, [waiting]);
  }
}
