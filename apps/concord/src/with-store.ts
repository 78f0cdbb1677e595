// The event store of a database for the length of one command, as it is: no domain code is known here, so old forms of events
// stay as they are stored, and personal fields stay sealed.
import { type Database, openDatabase } from '@concord/database';
import { type EventStore, PostgresEventStore, StoredEvents } from '@concord/event-store';
import { type ConsumerGroups, PostgresConsumerGroups } from '@concord/subscriptions';
import { loadSql } from '@concord/database';
import { Failure } from './outcome.js';
import type { Where } from './query-options.js';

const tenantsOfStream = loadSql(import.meta.url, 'sql/tenants-of-stream.sql');

// A look from time to time, beside the app's own connections.
const CONNECTIONS = 2;

/** What commands work with. */
export interface Opened {
  readonly database: Database;
  readonly store: EventStore;
  readonly stored: StoredEvents;
  readonly groups: ConsumerGroups;
}

/** Opens what DATABASE_URL, --database or else the embedded PostgreSQL has; CONCORD_ARCHIVE is the folder of its archive. */
export async function withStore<T>({ database: url }: Where, work: (opened: Opened) => Promise<T>): Promise<T> {
  const archiveFolder = process.env['CONCORD_ARCHIVE'] || undefined;
  const onProgress = (line: string): boolean => process.stderr.write(`${line}\n`);
  const opened = await openDatabase({ poolSize: CONNECTIONS, onProgress, ...(url && { url }) });
  try {
    const { database } = opened;
    const store = new PostgresEventStore(database, { ...(archiveFolder && { archiveFolder }) });
    const stored = new StoredEvents(database, archiveFolder);
    return await work({ database, store, stored, groups: new PostgresConsumerGroups(store, database) });
  } finally {
    await opened.close();
  }
}

/** The tenant that is asked for, or all there are. Errors: Failure, when it has no events. */
export async function tenantsOf({ store }: Opened, tenant: string | undefined): Promise<string[]> {
  const all = (await store.tenantHeads()).map(({ tenantId }) => tenantId).sort();
  if (tenant === undefined) return all;
  if (all.includes(tenant)) return [tenant];
  throw new Failure(`no tenant "${tenant}": ${all.length === 0 ? 'the store is empty' : `there is ${some(all)}`}`);
}

/** Whose stream this is. Errors: Failure, when it is nobody's, or that of several and none was named. */
export async function tenantOfStream(opened: Opened, stream: string, tenant: string | undefined): Promise<string> {
  const values = [await tenantsOf(opened, tenant), stream];
  const rows = await opened.database.query<{ tenant: string }>(tenantsOfStream, values);
  const [first, second] = rows.map((row) => row.tenant);
  if (first === undefined) {
    const whose = tenant === undefined ? 'any tenant' : `tenant "${tenant}"`;
    throw new Failure(`no stream "${stream}" of ${whose}: "concord streams list" shows what there is`);
  }
  if (second === undefined) return first;
  throw new Failure(
    `several tenants have a stream "${stream}": add --tenant, one of ${some(rows.map((r) => r.tenant))}`,
  );
}

const MOST_NAMED = 5;

function some(names: readonly string[]): string {
  return `${names.slice(0, MOST_NAMED).join(', ')}${names.length > MOST_NAMED ? ', ..' : ''}`;
}
