// How commands that have decided under the locks of the lock service commit on PostgreSQL.
import { type Database, loadSql } from '@concord/database';
import type { StreamName, StreamPosition } from '@concord/kernel';
import { currentTenant } from '@concord/tenancy';
import type { EventStore } from '../event-store.js';
import type { FencedCommands, FencedPlace } from '../fenced-commands.js';
import type { AppendRequest, AppendResult } from '../requests.js';
import { NotTogether } from './fenced-commits.js';
import type { WholeAppend } from './stream-append.js';

const ASSERT_ENDS = loadSql(import.meta.url, 'sql/assert-ends.sql');

export class PostgresFencedCommands implements FencedCommands {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
  ) {}

  async assertEnds(ends: ReadonlyMap<StreamName, StreamPosition>): Promise<void> {
    if (!this.database.current)
      throw new Error('the ends of streams are asserted in a transaction, which keeps them so');
    await this.database.query(ASSERT_ENDS, [currentTenant(), [...ends.keys()], [...ends.values()]]);
  }

  async commit(
    requests: readonly AppendRequest[],
    places: readonly FencedPlace[],
  ): Promise<AppendResult[] | undefined> {
    const whole = requests.map((request): AppendRequest & Pick<WholeAppend, 'whole' | 'places'> => {
      return { ...request, whole: true, places };
    });
    try {
      return await this.database.outside(() => this.store.append(...whole));
    } catch (error) {
      if (error instanceof NotTogether) return undefined;
      throw error;
    }
  }

  append(requests: readonly AppendRequest[]): Promise<AppendResult[]> {
    // The store's own checks and completions pass `whole` on.
    const whole = requests.map((request): AppendRequest & Pick<WholeAppend, 'whole'> => ({ ...request, whole: true }));
    return this.store.append(...whole);
  }
}
