// What aggregates need of their streams, read under locks or as committed now, with what is archived, and opened.
import { type Database, loadSql } from '@concord/database';
import type { StreamName } from '@concord/kernel';
import { currentTenant } from '@concord/tenancy';
import type { LoadedStream } from '../requests.js';
import type { Sealing } from '../sealing.js';
import type { Upcasts } from '../upcasts.js';
import { type LoadedRow, streamOf, toLoadedStreams } from './rows.js';
import type { StreamReader } from './stream-reader.js';

const sql = {
  lockAndLoad: loadSql(import.meta.url, 'sql/lock-and-load.sql'),
  lockStreams: loadSql(import.meta.url, 'sql/lock-streams.sql'),
  loadStreams: loadSql(import.meta.url, 'sql/load-streams.sql'),
};

interface Parts {
  readonly streams: StreamReader;
  readonly sealing: Sealing;
  readonly upcasts: () => Upcasts;
}

export class StreamLoads {
  private readonly streams: StreamReader;
  private readonly sealing: Sealing;
  private readonly upcasts: () => Upcasts;

  constructor(
    private readonly database: Database,
    { streams, sealing, upcasts }: Parts,
  ) {
    this.streams = streams;
    this.sealing = sealing;
    this.upcasts = upcasts;
  }

  /** Under locks of the running transaction, in one round trip. */
  async locked(streams: readonly StreamName[], version: number | null): Promise<Map<StreamName, LoadedStream>> {
    const [only] = streams;
    const rows =
      only && streams.length === 1 ? await this.loadOne(only, version) : await this.loadSeveral(streams, version);
    return this.toLoaded(streams, rows);
  }

  /** What is committed now, without a lock. */
  async committed(
    streams: readonly StreamName[],
    version: number | null,
  ): Promise<ReadonlyMap<StreamName, LoadedStream>> {
    const values = [currentTenant(), streams, version, !this.upcasts().isEmpty];
    return this.toLoaded(streams, await this.database.query<LoadedRow>(sql.loadStreams, values));
  }

  private async toLoaded(
    streams: readonly StreamName[],
    rows: readonly LoadedRow[],
  ): Promise<Map<StreamName, LoadedStream>> {
    const tenant = currentTenant();
    const all = await this.streams.withArchived(tenant, rows);
    const personal = await this.sealing.rows(tenant, all, streamOf);
    return toLoadedStreams(streams, all, this.upcasts(), personal);
  }

  private async loadOne(stream: StreamName, version: number | null): Promise<LoadedRow[]> {
    const rows = await this.database.query<LoadedRow>(sql.lockAndLoad, [
      currentTenant(),
      stream,
      version,
      !this.upcasts().isEmpty,
    ]);
    return rows.map((row) => ({ ...row, stream_name: stream }));
  }

  /** Two statements, sent together: one that had waited for the locks would read what was there before the wait. */
  private async loadSeveral(streams: readonly StreamName[], version: number | null): Promise<LoadedRow[]> {
    const values = [currentTenant(), streams];
    const locked = this.database.query(sql.lockStreams, values);
    const [, rows] = await Promise.all([
      locked,
      this.database.query<LoadedRow>(sql.loadStreams, [...values, version, !this.upcasts().isEmpty]),
    ]);
    return rows;
  }
}
