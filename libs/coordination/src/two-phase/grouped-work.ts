// What is prepared at the same time in one database is prepared in one transaction, and so is what is committed: with one flush,
// and a few packets for all of them. It is the ways to and from the server that take the time of a transaction over two stores.
import { CommitUnknown, type Database, DatabaseUnavailable, loadSql } from '@concord/database';
import { Grouped } from './grouped.js';
import { inOrder } from './in-order.js';

/** Part of a transaction, which sends its statements at once when it is called, and may be called again after a rollback. */
export interface Work {
  /** That of the distributed transaction. */
  readonly id: string;
  readonly send: () => readonly Promise<unknown>[];
}

// What one of them breaks is done again for all.
const MOST_TOGETHER = 32;
const brief = loadSql(import.meta.url, 'sql/be-brief.sql');

export class GroupedWork {
  private readonly groups: Grouped<Work, boolean>;

  constructor(private readonly database: Database) {
    this.groups = new Grouped<Work, boolean>((work) => this.together(work), MOST_TOGETHER);
  }

  /**
   * In a transaction of its own, or of several. Errors: those of the statements, where it goes alone; DatabaseUnavailable, CommitUnknown.
   */
  async run(work: Work): Promise<void> {
    if (await this.groups.ask(work)) return;
    await this.database.outside(() => this.database.transaction(() => inOrder(work.send())));
  }

  /** Whether they are done; if not, none is. One that fails, or would have to wait for somebody, keeps the others from it. */
  private async together(work: readonly Work[]): Promise<boolean[]> {
    // Two processes that are told of the same transactions go about them in the same order.
    const ordered = work.toSorted(({ id: one }, { id: other }) => (one < other ? -1 : 1));
    const sendAll = (): readonly Promise<unknown>[] => [
      this.database.query(brief),
      ...ordered.flatMap(({ send }) => send()),
    ];
    try {
      await this.database.outside(() => this.database.transaction(() => inOrder(sendAll())));
      return work.map(() => true);
    } catch (error) {
      if (error instanceof CommitUnknown || error instanceof DatabaseUnavailable) throw error;
      return work.map(() => false);
    }
  }
}
