// Appends that could not go with the others: each finds out for itself what is in its way. Only so many do at once, and only
// so many of those wait for a lock, so that the pool stays free for whoever needs neither.
import { type Database, loadSql, TransientConflict } from '@concord/database';
import type { Chain, Waiting } from './append-batch.js';
import type { AppendedRow } from './rows.js';
import { appendsText, type StreamAppend } from './stream-append.js';

const sql = {
  unlessLocked: loadSql(import.meta.url, 'sql/append-unless-locked.sql'),
  patiently: loadSql(import.meta.url, 'sql/append-patiently.sql'),
};
/** As for every other statement. */
const LONGEST_WAIT_MS = 10_000;
const PART_OF_POOL = 4;

export class AppendAside {
  private readonly trying: Places;
  private readonly waiting: Places;

  constructor(private readonly database: Database) {
    const places = Math.max(1, Math.floor(database.poolSize / PART_OF_POOL));
    this.trying = new Places(places);
    this.waiting = new Places(places);
  }

  /** Answers each of a chain, in order. Never rejects. */
  async settle({ links }: Chain<AppendedRow>): Promise<void> {
    for (const waiting of links) {
      try {
        const row =
          (await this.trying.taken(() => this.tryIt(waiting.append))) ??
          (await this.waiting.taken(() => this.waitForIt(waiting)));
        waiting.resolve(row);
      } catch (error) {
        waiting.reject(error);
      }
    }
  }

  /** Undefined when it would have to wait. */
  private async tryIt(append: StreamAppend): Promise<AppendedRow | undefined> {
    try {
      const values = [append.tenant, appendsText([append]), append.stream];
      const [row] = await this.database.queryOutside<AppendedRow>(sql.unlessLocked, values);
      return row;
    } catch (error) {
      // Nothing was changed.
      if (error instanceof TransientConflict) return undefined;
      throw error;
    }
  }

  /** Ten seconds, from when it came: those behind it in its stream do not each wait anew. */
  private async waitForIt({ append, since }: Waiting<AppendedRow>): Promise<AppendedRow> {
    const left = Math.ceil(LONGEST_WAIT_MS - (performance.now() - since));
    if (left <= 0) {
      const { stream } = append;
      throw new TransientConflict(`"${stream}" was locked for ${LONGEST_WAIT_MS} ms: try again`, { stream });
    }
    const values = [append.tenant, appendsText([append]), `${left}ms`];
    const [row] = await this.database.queryOutside<AppendedRow>(sql.patiently, values);
    if (!row) throw new Error('unreachable: the store answers every append');
    return row;
  }
}

/** So many at once; the others come later, in the order in which they asked. */
class Places {
  private readonly asking: (() => void)[] = [];

  constructor(private free: number) {}

  async taken<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.asking.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.asking.shift();
      if (next) next();
      else this.free += 1;
    }
  }
}
