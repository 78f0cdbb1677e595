// What an operator does with data subjects: forget one, readmit one, wrap all keys by a new master key.
import { Inject, Injectable, Optional } from '@nestjs/common';
import { InvalidArgument } from '@concord/kernel';
import { currentTenant } from '@concord/tenancy';
import { newSecret } from './data-key.js';
import { KEPT_MS } from './key-ring.js';
import { MasterKeys } from './master-keys.js';
import { isSubjectId, MAX_SUBJECT_LENGTH } from './subject-id.js';
import { type Forgetting, type ForgetOutcome, type SubjectKey, SubjectKeys } from './subject-keys.js';

/** What came of forgetting. */
export interface Forgotten {
  readonly outcome: ForgetOutcome;
  /** From when on no process reads or keeps the data any more, by this process's clock; mostly it is at once. */
  readonly everywhereAt: Date;
}

const AT_ONCE = 500;

/** Forgets data subjects of the running tenant. Inject it where an operator asks for it. */
@Injectable()
export class DataSubjects {
  constructor(
    @Inject(SubjectKeys) private readonly keys: SubjectKeys,
    @Optional() @Inject(MasterKeys) private readonly masterKeys?: MasterKeys,
  ) {}

  /**
   * Deletes the subject's key, durably when it resolves and whatever transaction is running: what was sealed under it reads
   * as its replacements from now on, and nothing is stored about the subject. `unknown`: there never was a key; look whether
   * the id is right. Errors: InvalidArgument, TenantMissing.
   */
  async forget(subject: string, forgetting: Forgetting): Promise<Forgotten> {
    if (forgetting.reason.trim() === '')
      throw new InvalidArgument('say why the subject is forgotten: it stays on record');
    const outcome = await this.keys.forget(currentTenant(), checked(subject), forgetting);
    this.keys.announce();
    // A key may be used so long, and what was made with it as long again.
    return { outcome, everywhereAt: new Date(Date.now() + 2 * KEPT_MS) };
  }

  /**
   * Makes a new key for a forgotten subject, so that events about them are stored again. What was forgotten stays so.
   * Errors: InvalidArgument when the subject is not forgotten, or there is no master key.
   */
  async readmit(subject: string): Promise<void> {
    const [tenant, masterKeys] = [currentTenant(), this.present()];
    const known = await this.keys.find(tenant, [checked(subject)]);
    const last = known.toSorted((a, b) => a.generation - b.generation).at(-1);
    if (!last || last.key)
      throw new InvalidArgument(`subject "${subject}" is not forgotten: there is nothing to readmit`);
    const generation = last.generation + 1;
    const key = masterKeys.wrap(newSecret(), { tenant, subject, generation });
    await this.keys.add(tenant, [{ subject, generation, key }]);
    this.keys.announce();
  }

  /**
   * Wraps all keys of all tenants by the present master key; answers how many. When it answers 0, no former master key is
   * needed any more. Errors: SubjectKeyMissing when the master key of one is not configured.
   */
  async rewrap(): Promise<number> {
    const masterKeys = this.present();
    for (let count = 0; ;) {
      const former = await this.keys.wrappedByOthers(masterKeys.id, AT_ONCE);
      if (former.length === 0) return count;
      for (const old of former) {
        await this.keys.replace(old, masterKeys.wrap(masterKeys.unwrap(old.key, old), old));
        count += 1;
      }
    }
  }

  /** Whether the subject has a key, was forgotten, or was never heard of. */
  async stateOf(subject: string): Promise<'known' | 'forgotten' | 'unknown'> {
    const rows: SubjectKey[] = await this.keys.find(currentTenant(), [checked(subject)]);
    if (rows.some(({ key }) => key)) return 'known';
    return rows.length > 0 ? 'forgotten' : 'unknown';
  }

  private present(): MasterKeys {
    if (this.masterKeys) return this.masterKeys;
    throw new InvalidArgument('there is no master key: set CONCORD_MASTER_KEY');
  }
}

function checked(subject: string): string {
  if (isSubjectId(subject)) return subject;
  throw new InvalidArgument(
    `the id of a subject has 1 to ${MAX_SUBJECT_LENGTH} characters, none of them a control character`,
  );
}
