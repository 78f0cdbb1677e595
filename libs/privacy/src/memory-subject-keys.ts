// Keys in memory, for unit tests: what two stores of a test share as two processes would share a database.
import type { WrappedKey } from './master-keys.js';
import {
  type Forgetting,
  type ForgetOutcome,
  type FormerKey,
  type NewSubjectKey,
  type SubjectKey,
  SubjectKeys,
} from './subject-keys.js';

/** Keeps keys in memory, for unit tests only. */
export class MemorySubjectKeys extends SubjectKeys {
  private rows: (SubjectKey & { readonly tenant: string; readonly forgetting?: Forgetting })[] = [];
  private readonly listeners: (() => void)[] = [];

  override async find(tenant: string, subjects: readonly string[]): Promise<SubjectKey[]> {
    return Promise.resolve(this.rows.filter((row) => row.tenant === tenant && subjects.includes(row.subject)));
  }

  override async add(tenant: string, keys: readonly NewSubjectKey[]): Promise<void> {
    for (const key of keys)
      if (!this.rows.some((row) => isSame(row, { ...key, tenant }))) this.rows.push({ ...key, tenant });
    return Promise.resolve();
  }

  override async forget(tenant: string, subject: string, forgetting: Forgetting): Promise<ForgetOutcome> {
    const own = this.rows.filter((row) => row.tenant === tenant && row.subject === subject);
    if (own.length === 0) this.rows.push({ tenant, subject, generation: 1, key: undefined, forgetting });
    const live = own.filter(({ key }) => key);
    this.rows = this.rows.map((row) => (live.includes(row) ? { ...row, key: undefined, forgetting } : row));
    return Promise.resolve(live.length > 0 ? 'forgotten' : own.length > 0 ? 'forgotten-before' : 'unknown');
  }

  override async wrappedByOthers(masterKeyId: string, limit: number): Promise<FormerKey[]> {
    const others = this.rows.filter(
      (row): row is FormerKey => row.key !== undefined && row.key.masterKeyId !== masterKeyId,
    );
    return Promise.resolve(others.slice(0, limit));
  }

  override async replace(old: FormerKey, key: WrappedKey): Promise<void> {
    this.rows = this.rows.map((row) => (row.key && isSame(row, old) ? { ...row, key } : row));
    return Promise.resolve();
  }

  override announce(): void {
    for (const listener of this.listeners) listener();
  }

  override onChanged(listener: () => void): void {
    this.listeners.push(listener);
  }
}

type Place = Pick<FormerKey, 'tenant' | 'subject' | 'generation'>;

function isSame(one: Place, other: Place): boolean {
  return one.tenant === other.tenant && one.subject === other.subject && one.generation === other.generation;
}
