// Appends that could not go with the others: each finds out for itself what is in its way. Only so many do at once, and only
// so many of those wait for a lock, so that the pool stays free for whoever needs neither. Whoever cannot wait for its lock,
// because all places for that are taken, tries again and again: most locks are held for a moment only.
import { type Database, loadSql, TransientConflict } from '@concord/database';
import type { Chain, Waiting } from './append-batch.js';
import { Places } from './places.js';
import type { AppendedRow } from './rows.js';
import { appendsText, type StreamAppend } from './stream-append.js';

const sql = {
  unlessLocked: loadSql(import.meta.url, 'sql/append-unless-locked.sql'),
  patiently: loadSql(import.meta.url, 'sql/append-patiently.sql'),
};
/** As for every other statement. */
const LONGEST_WAIT_MS = 10_000;
const PART_OF_POOL = 4;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 250;
/** For each that is at it, so that all together try about a thousand times a second at most. */
const PAUSE_MS_EACH = 1;
/** An event id that is being added elsewhere is waited for a little, but hardly when trying again: others need the place. */
const FIRST_PATIENCE = '200ms';
const LATER_PATIENCE = '10ms';

export class AppendAside {
  private readonly trying: Places;
  private readonly waiting: Places;
  private insisting = 0;

  constructor(private readonly database: Database) {
    const places = Math.max(1, Math.floor(database.poolSize / PART_OF_POOL));
    this.trying = new Places(places);
    this.waiting = new Places(places);
  }

  /** Answers each of a chain, in order. Never rejects. */
  async settle({ links }: Chain<AppendedRow>): Promise<void> {
    for (const waiting of links) {
      try {
        waiting.resolve((await this.tryIt(waiting, FIRST_PATIENCE)) ?? (await this.insist(waiting)));
      } catch (error) {
        waiting.reject(error);
      }
    }
  }

  /** Undefined when it would have to wait, and may. */
  private async tryIt(waiting: Waiting<AppendedRow>, patience: string): Promise<AppendedRow | undefined> {
    const isLast = leftOf(waiting) <= 0;
    const row = await this.trying.taken(() => this.appendUnlessLocked(waiting.append, patience));
    if (!row && isLast) throw lockedTooLong(waiting.append);
    return row;
  }

  private async appendUnlessLocked(append: StreamAppend, patience: string): Promise<AppendedRow | undefined> {
    try {
      const values = [append.tenant, appendsText([append]), append.stream, patience];
      const [row] = await this.database.queryOutside<AppendedRow>(sql.unlessLocked, values);
      return row;
    } catch (error) {
      // Nothing was changed.
      if (error instanceof TransientConflict) return undefined;
      throw error;
    }
  }

  /** Waits as soon as there is a place for that; until then it tries again, the last time when its time is up. */
  private async insist(waiting: Waiting<AppendedRow>): Promise<AppendedRow> {
    const place = this.waiting.ask();
    this.insisting += 1;
    try {
      for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
        const wait = Math.min(leftOf(waiting), this.jittered(pause));
        if (await place.isGivenWithin(wait)) return await this.waitForIt(waiting);
        const row = await this.tryIt(waiting, LATER_PATIENCE);
        if (row) return row;
      }
    } finally {
      this.insisting -= 1;
      place.giveBack();
    }
  }

  /** Ten seconds, from when it came: those behind it in its stream do not each wait anew. */
  private async waitForIt(waiting: Waiting<AppendedRow>): Promise<AppendedRow> {
    const { append } = waiting;
    // 0 would be for ever.
    const patience = `${Math.max(1, Math.ceil(leftOf(waiting)))}ms`;
    const values = [append.tenant, appendsText([append]), patience];
    const [row] = await this.database.queryOutside<AppendedRow>(sql.patiently, values);
    if (!row) throw new Error('unreachable: the store answers every append');
    return row;
  }

  /** Not all at once. */
  private jittered(pause: number): number {
    return Math.max(pause, this.insisting * PAUSE_MS_EACH) * (0.75 + Math.random() / 2);
  }
}

function leftOf({ since }: Waiting<AppendedRow>): number {
  return LONGEST_WAIT_MS - (performance.now() - since);
}

function lockedTooLong({ stream }: StreamAppend): TransientConflict {
  return new TransientConflict(`"${stream}" was locked for ${LONGEST_WAIT_MS} ms: try again`, { stream });
}
