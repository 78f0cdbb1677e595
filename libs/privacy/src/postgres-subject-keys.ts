// Keys of data subjects in PostgreSQL. On a connection aside: transactions wait for keys, and may hold all connections; and
// what was sealed under a key may outlive the transaction that wanted it.
import { type Database, loadSql } from '@concord/database';
import type { WrappedKey } from './master-keys.js';
import {
  type Forgetting,
  type ForgetOutcome,
  type FormerKey,
  type NewSubjectKey,
  type SubjectKey,
  SubjectKeys,
} from './subject-keys.js';

const sql = {
  find: loadSql(import.meta.url, 'sql/find-subject-keys.sql'),
  add: loadSql(import.meta.url, 'sql/add-subject-keys.sql'),
  forget: loadSql(import.meta.url, 'sql/forget-subject.sql'),
  others: loadSql(import.meta.url, 'sql/wrapped-by-others.sql'),
  replace: loadSql(import.meta.url, 'sql/replace-subject-key.sql'),
};

/** The channel on which processes tell each other that keys have changed. It carries nothing: not even whose. */
const CHANGED = 'concord_subject_keys';

interface KeyRow {
  readonly tenant_id: string;
  readonly subject: string;
  readonly generation: number;
  readonly wrapped_key: Buffer | null;
  readonly master_key_id: string | null;
}

/** Keeps the keys of data subjects in PostgreSQL. */
export class PostgresSubjectKeys extends SubjectKeys {
  constructor(private readonly database: Database) {
    super();
  }

  override async find(tenant: string, subjects: readonly string[]): Promise<SubjectKey[]> {
    const rows = await this.database.queryAside<KeyRow>(sql.find, [tenant, subjects]);
    return rows.map(toKey);
  }

  override async add(tenant: string, keys: readonly NewSubjectKey[]): Promise<void> {
    await this.database.queryAside(sql.add, [
      tenant,
      keys.map(({ subject }) => subject),
      keys.map(({ generation }) => generation),
      keys.map(({ key }) => key.wrapped),
      keys.map(({ key }) => key.masterKeyId),
    ]);
  }

  override async forget(tenant: string, subject: string, { by, reason }: Forgetting): Promise<ForgetOutcome> {
    const values = [tenant, subject, by ?? null, reason];
    const [row] = await this.database.queryAside<{ outcome: ForgetOutcome }>(sql.forget, values);
    if (!row) throw new Error('unreachable: a function answers');
    return row.outcome;
  }

  override async wrappedByOthers(masterKeyId: string, limit: number): Promise<FormerKey[]> {
    const rows = await this.database.queryAside<KeyRow>(sql.others, [masterKeyId, limit]);
    return rows.map((row) => ({ ...toKey(row), tenant: row.tenant_id }) as FormerKey);
  }

  override async replace({ tenant, subject, generation, key: old }: FormerKey, key: WrappedKey): Promise<void> {
    const values = [tenant, subject, generation, old.masterKeyId, key.wrapped, key.masterKeyId];
    await this.database.queryAside(sql.replace, values);
  }

  override announce(): void {
    this.database.notifications.notify(CHANGED);
  }

  override onChanged(listener: () => void): void {
    this.database.notifications.listen(CHANGED, listener);
  }
}

function toKey({ subject, generation, wrapped_key: wrapped, master_key_id: masterKeyId }: KeyRow): SubjectKey {
  return { subject, generation, key: wrapped && masterKeyId !== null ? { wrapped, masterKeyId } : undefined };
}
