// The keys that this process has at hand. For a few seconds only: forgetting has to reach every process, also one that does
// not hear of it.
import { AsyncLocalStorage } from 'node:async_hooks';
import { DataKey, newSecret } from './data-key.js';
import type { MasterKeys } from './master-keys.js';
import type { SubjectKey, SubjectKeys } from './subject-keys.js';

/** What is known of one subject. */
export interface KnownSubject {
  /** By generation; undefined for one that was forgotten. */
  readonly keys: ReadonlyMap<number, DataKey | undefined>;
  /** What is sealed now, is sealed with; undefined: the subject is forgotten, or was never known. */
  readonly present: { readonly generation: number; readonly key: DataKey } | undefined;
}

interface Kept extends KnownSubject {
  readonly until: number;
}

interface Wanted {
  readonly tenant: string;
  readonly subject: string;
  /** Whether the first key is to be made where there is none. */
  readonly create: boolean;
  readonly resolve: (known: KnownSubject) => void;
  readonly reject: (error: unknown) => void;
}

/** How long a key is used without asking whether it is still there. */
export const KEPT_MS = 5_000;
const MOST_SUBJECTS = 10_000;

export class KeyRing {
  private readonly kept = new Map<string, Kept>();
  private changes = 0;
  private wanted: Wanted[] = [];
  private working = false;
  /** What is shared must not carry along the tenant or the transaction of whoever happened to come first. */
  private readonly outside = AsyncLocalStorage.snapshot();

  constructor(
    private readonly keys: SubjectKeys,
    private readonly masterKeys: MasterKeys,
  ) {
    keys.onChanged(() => this.clear());
  }

  /** Grows when keys have changed, and with time. */
  get epoch(): number {
    return this.changes + Math.floor(performance.now() / KEPT_MS);
  }

  /** What is at hand; undefined: ask for it. */
  get(tenant: string, subject: string): KnownSubject | undefined {
    const known = this.kept.get(keyOf(tenant, subject));
    return known && known.until > performance.now() ? known : undefined;
  }

  /** What there is now. Those who ask at the same time are answered together. Errors: SubjectKeyMissing. */
  ask(tenant: string, subject: string, create: boolean): Promise<KnownSubject> {
    return new Promise((resolve, reject) => {
      this.wanted.push({ tenant, subject, create, resolve, reject });
      if (this.working) return;
      this.working = true;
      this.outside(() => void this.work());
    });
  }

  private clear(): void {
    this.changes += 1;
    this.kept.clear();
  }

  /** Never rejects. */
  private async work(): Promise<void> {
    // Whoever asks in this turn of the event loop comes along.
    await new Promise((resolve) => process.nextTick(resolve));
    while (this.wanted.length > 0) {
      const wanted = this.wanted;
      this.wanted = [];
      for (const [tenant, own] of Map.groupBy(wanted, (one) => one.tenant)) await this.answer(tenant, own);
    }
    this.working = false;
  }

  private async answer(tenant: string, wanted: readonly Wanted[]): Promise<void> {
    const { changes } = this;
    const until = performance.now() + KEPT_MS;
    try {
      const found = await this.find(tenant, wanted);
      // What was read before a change may be from before it.
      const keptUntil = changes === this.changes ? until : 0;
      for (const one of wanted) this.settle(one, found.get(one.subject) ?? [], keptUntil);
    } catch (error) {
      for (const { reject } of wanted) reject(error);
    }
  }

  /** One whose key cannot be unwrapped does not fail the others. */
  private settle({ tenant, subject, resolve, reject }: Wanted, rows: readonly SubjectKey[], until: number): void {
    try {
      const known = this.unwrapped(tenant, rows);
      this.keep(keyOf(tenant, subject), { ...known, until });
      resolve(known);
    } catch (error) {
      reject(error);
    }
  }

  private async find(tenant: string, wanted: readonly Wanted[]): Promise<Map<string, SubjectKey[]>> {
    const find = async (subjects: readonly string[]): Promise<Map<string, SubjectKey[]>> =>
      Map.groupBy(await this.keys.find(tenant, subjects), ({ subject }) => subject);
    const found = await find([...new Set(wanted.map(({ subject }) => subject))]);
    const missing = new Set(
      wanted.filter(({ subject, create }) => create && !found.has(subject)).map((one) => one.subject),
    );
    if (missing.size === 0) return found;
    const generation = 1;
    const added = [...missing].map((subject) => {
      const key = this.masterKeys.wrap(newSecret(), { tenant, subject, generation });
      return { subject, generation, key };
    });
    await this.keys.add(tenant, added);
    // Another process may have been first, with a key or with a tombstone: what is there now is what counts.
    for (const [subject, keys] of await find([...missing])) found.set(subject, keys);
    return found;
  }

  private unwrapped(tenant: string, rows: readonly SubjectKey[]): KnownSubject {
    const keys = new Map<number, DataKey | undefined>();
    let present: KnownSubject['present'];
    for (const { subject, generation, key: wrapped } of rows) {
      const key = wrapped && new DataKey(this.masterKeys.unwrap(wrapped, { tenant, subject, generation }));
      keys.set(generation, key);
      if (key) present = { generation, key };
    }
    return { keys, present };
  }

  private keep(name: string, known: Kept): void {
    if (known.keys.size === 0 || known.until === 0) return;
    this.kept.delete(name);
    this.kept.set(name, known);
    if (this.kept.size <= MOST_SUBJECTS) return;
    const [oldest] = this.kept.keys();
    if (oldest !== undefined) this.kept.delete(oldest);
  }
}

function keyOf(tenant: string, subject: string): string {
  return `${tenant}/${subject}`;
}
