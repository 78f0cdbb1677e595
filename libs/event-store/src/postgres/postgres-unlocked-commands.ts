// How commands run without a transaction on PostgreSQL: loads travel together, and so do the appends.
import { type Database, loadSql } from '@concord/database';
import { NO_REVISION, type StreamName, type StreamPosition } from '@concord/kernel';
import { currentTenant } from '@concord/tenancy';
import type { EventStore } from '../event-store.js';
import type { AppendRequest, AppendResult, LoadedStream } from '../requests.js';
import type { StoreTelemetry } from '../telemetry.js';
import type { UnlockedCommands } from '../unlocked-commands.js';
import { type FindEnds, GroupLoad, type LoadStreams } from './group-load.js';
import type { WholeAppend } from './stream-append.js';

const WHOLE_END = loadSql(import.meta.url, 'sql/whole-end.sql');
const STREAM_ENDS = loadSql(import.meta.url, 'sql/stream-ends.sql');

interface StreamEnd {
  readonly stream: StreamName;
  readonly last: StreamPosition;
}

interface Options {
  readonly store: EventStore;
  readonly load: LoadStreams;
  readonly check: UnlockedCommands['check'];
  readonly telemetry: StoreTelemetry;
  readonly worthFrom: number;
}

export class PostgresUnlockedCommands implements UnlockedCommands {
  readonly worthFrom: number;
  readonly check: UnlockedCommands['check'];
  private readonly store: EventStore;
  private readonly telemetry: StoreTelemetry;
  private readonly groupLoad: GroupLoad;

  constructor(
    private readonly database: Database,
    { store, load, check, telemetry, worthFrom }: Options,
  ) {
    this.store = store;
    this.check = check;
    this.telemetry = telemetry;
    this.worthFrom = worthFrom;
    const findEnds: FindEnds = async (streams) => {
      const rows = await database.query<StreamEnd>(STREAM_ENDS, [currentTenant(), streams]);
      return new Map(rows.map((row) => [row.stream, row.last]));
    };
    this.groupLoad = new GroupLoad({ loadStreams: load, findEnds, poolSize: database.poolSize });
  }

  load(stream: StreamName, snapshotVersion?: number): Promise<LoadedStream> {
    const load = () => this.groupLoad.load(currentTenant(), stream, snapshotVersion);
    return this.telemetry.load('load', [stream], () => this.database.outside(load));
  }

  async append(request: AppendRequest): Promise<AppendResult> {
    // The store's own checks and completions pass `whole` on.
    const whole: AppendRequest & Pick<WholeAppend, 'whole'> = { ...request, whole: true };
    const [result] = await this.database.outside(() => this.store.append(whole));
    if (!result) throw new Error('unreachable: the store answers every request');
    return result;
  }

  async wholeEnd(stream: StreamName): Promise<StreamPosition | undefined> {
    const [row] = await this.database.queryOutside<{ end: bigint }>(WHOLE_END, [currentTenant(), stream]);
    return row && row.end >= NO_REVISION ? row.end : undefined;
  }

  tentatively<T>(work: () => Promise<T>): Promise<T> {
    return this.database.tentatively(work);
  }
}
