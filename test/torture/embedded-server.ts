// An embedded PostgreSQL of the torture test's own, and the ways to kill it. Its keeper brings it back.
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEmbeddedPostgres, type PostgresLease } from '@concord/database';
import pg from 'pg';
import { DataFolder } from '../fixtures/data-folder.js';

const BACK_WITHIN_MS = 60_000;

export class EmbeddedServer {
  private constructor(
    private readonly folder: DataFolder,
    private readonly lease: PostgresLease,
  ) {}

  static async start(): Promise<EmbeddedServer> {
    const folder = new DataFolder();
    return new EmbeddedServer(folder, await openEmbeddedPostgres({ dataFolder: folder.path }));
  }

  /** Where it is now: while it was away, somebody may have taken its port. */
  get url(): string {
    const url = new URL(this.lease.url);
    url.port = `${this.folder.serverPort || url.port}`;
    return url.href;
  }

  /** The postmaster and what it has started. */
  get processes(): number[] {
    const { serverPid } = this.folder;
    return [serverPid, ...childrenOf(serverPid)];
  }

  /** The postmaster, and with `everything` its backends too, at once and without a word. */
  async kill(everything: boolean): Promise<void> {
    const { serverPid } = this.folder;
    const others = everything ? childrenOf(serverPid) : [];
    for (const pid of [serverPid, ...others]) killHard(pid);
    await sleep(50);
    await this.serves();
  }

  /** One backend: the postmaster throws all others out and recovers. */
  async killBackend(choose: (pids: readonly number[]) => number): Promise<void> {
    const { rows } = await this.query<{ pid: number }>(
      `select pid from pg_stat_activity where application_name = 'concord' and datname = current_database()`,
    );
    if (rows.length === 0) return;
    killHard(choose(rows.map(({ pid }) => pid)));
    await sleep(50);
    await this.serves();
  }

  async query<R extends object>(text: string): Promise<pg.QueryResult<R & pg.QueryResultRow>> {
    const client = new pg.Client(this.url);
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await client.query<R & pg.QueryResultRow>(text);
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async serves(): Promise<void> {
    for (const deadline = Date.now() + BACK_WITHIN_MS; ;) {
      try {
        await this.query('select 1');
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await sleep(50);
      }
    }
  }

  async remove(): Promise<void> {
    await this.lease.release();
    await this.folder.remove();
  }
}

/** It may have ended by itself meanwhile. */
function killHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function childrenOf(parent: number): number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).split('\n');
  const pairs = lines.map((line) => line.trim().split(/\s+/).map(Number));
  return pairs.flatMap(([pid, ppid]) => (ppid === parent && pid ? [pid] : []));
}
