// What the suites of the archive share: a store with an archive folder, and how they look at it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OpenDatabase, openDatabase } from '@concord/database';
import {
  type LoadedStream,
  PostgresEventStore,
  type ReadFeedOptions,
  type ReadStreamOptions,
} from '@concord/event-store';
import { newId, type RecordedEvent, type StreamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';

export class ArchiveUnderTest {
  private constructor(
    readonly testDatabase: TestDatabase,
    readonly opened: OpenDatabase,
    readonly store: PostgresEventStore,
    readonly folder: string,
  ) {}

  static async open(): Promise<ArchiveUnderTest> {
    const testDatabase = await createTestDatabase();
    const opened = await openDatabase({ url: testDatabase.url });
    const archiveFolder = await mkdtemp(join(tmpdir(), 'concord-archive-'));
    const store = new PostgresEventStore(opened.database, { archiveFolder });
    return new ArchiveUnderTest(testDatabase, opened, store, archiveFolder);
  }

  async close(): Promise<void> {
    await this.opened.close();
    await this.testDatabase.drop();
    await rm(this.folder, { recursive: true });
  }

  async add(stream: StreamName, count = 1, type = 'N'): Promise<void> {
    const events = Array.from({ length: count }, (_, n) => ({ id: newId(), type, data: { n, text: `é ${stream}` } }));
    await this.store.append({ stream, expected: 'any', events });
  }

  read(stream: StreamName, options?: ReadStreamOptions): Promise<RecordedEvent[]> {
    return Array.fromAsync(this.store.readStream(stream, options));
  }

  load(stream: StreamName): Promise<LoadedStream> {
    return this.store.transaction(async () => (await this.store.lockAndLoad([stream])).get(stream)!);
  }

  async feed(options: ReadFeedOptions = {}): Promise<RecordedEvent[]> {
    const events: RecordedEvent[] = [];
    for (let after = options.after ?? 0n; ;) {
      const page = await this.store.readFeed({ ...options, after });
      events.push(...page.events);
      if (page.events.length === 0) return events;
      after = page.through;
    }
  }

  /** What is left in concord.events, as `stream@position`. */
  async inTable(tenant: string): Promise<string[]> {
    return withClient(this.testDatabase.url, async (client) => {
      const { rows } = await client.query<{ name: string }>(
        `select stream_name || '@' || stream_position as name from concord.events where tenant_id = $1 order by 1`,
        [tenant],
      );
      return rows.map((row) => row.name);
    });
  }
}

export const inTenant = (work: (tenant: string) => Promise<void>) => () => {
  const tenant = `t-${newId()}`;
  return runInTenant(tenant, () => work(tenant));
};
