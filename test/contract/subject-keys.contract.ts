// What every keeper of subjects' keys does, whatever it keeps them in. `a` and `b` are handles of two processes.
import { newId } from '@concord/kernel';
import type { NewSubjectKey, SubjectKeys } from '@concord/privacy';

interface TwoKeepers {
  readonly a: SubjectKeys;
  readonly b: SubjectKeys;
  close(): Promise<void>;
}

const TENANT = 'tenant';
const ASKED = { reason: 'asked to', by: 'clerk' };
const keyOf = (subject: string, byte = 1, masterKeyId = 'm1', generation = 1): NewSubjectKey => ({
  subject,
  generation,
  key: { wrapped: Buffer.alloc(60, byte), masterKeyId },
});
const tombstone = (subject: string, generation = 1) => ({ subject, generation, key: undefined });

export function subjectKeysContract(open: () => Promise<TwoKeepers>): void {
  let keepers: TwoKeepers;
  beforeAll(async () => (keepers = await open()));
  afterAll(() => keepers.close());

  const find = async (...subjects: string[]) => {
    const found = await keepers.b.find(TENANT, subjects);
    return found
      .map(({ subject, generation, key }) => ({ subject, generation, key }))
      .toSorted((x, y) => x.generation - y.generation);
  };

  it('keeps the first key of a generation, and says so to all', async () => {
    const who = newId();
    expect(await find(who)).toEqual([]);
    await keepers.a.add(TENANT, [keyOf(who)]);
    await keepers.b.add(TENANT, [keyOf(who, 2)]);
    expect(await find(who, newId())).toEqual([keyOf(who)]);
    expect(await keepers.b.find('other', [who])).toEqual([]);
  });

  it('keeps one of twenty that are added at once', async () => {
    const [who, other] = [newId(), newId()];
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => {
        const both = [keyOf(who, n), keyOf(other, n)];
        return [keepers.a, keepers.b][n % 2]!.add(TENANT, n % 3 ? both : both.toReversed());
      }),
    );
    expect(await find(who, other)).toHaveLength(2);
  });

  it('keeps many that are added at once, in whatever order', async () => {
    for (let round = 0; round < 5; round += 1) {
      const many = Array.from({ length: 500 }, () => keyOf(newId()));
      await Promise.all([keepers.a.add(TENANT, many), keepers.b.add(TENANT, many.toReversed())]);
      expect(await find(...many.map(({ subject }) => subject))).toHaveLength(many.length);
    }
  });

  it('forgets, once, and keeps a tombstone that no key replaces', async () => {
    const who = newId();
    await keepers.a.add(TENANT, [keyOf(who)]);
    expect(await keepers.a.forget('other', who, ASKED)).toBe('unknown');
    expect(await keepers.a.forget(TENANT, who, ASKED)).toBe('forgotten');
    expect(await keepers.b.forget(TENANT, who, ASKED)).toBe('forgotten-before');
    await keepers.b.add(TENANT, [keyOf(who)]);
    expect(await find(who)).toEqual([tombstone(who)]);
    await keepers.b.add(TENANT, [keyOf(who, 1, 'm1', 2)]);
    expect(await find(who)).toEqual([tombstone(who), keyOf(who, 1, 'm1', 2)]);
    expect(await keepers.a.forget(TENANT, who, ASKED)).toBe('forgotten');
    expect(await find(who)).toEqual([tombstone(who), tombstone(who, 2)]);
  });

  it('forgets who was never known', async () => {
    const who = newId();
    expect(await keepers.a.forget(TENANT, who, { reason: 'asked to' })).toBe('unknown');
    await keepers.b.add(TENANT, [keyOf(who)]);
    expect(await find(who)).toEqual([tombstone(who)]);
  });

  it('gives keys that another master key has wrapped, and replaces them, unless they are forgotten meanwhile', async () => {
    const [one, other, gone] = [newId(), newId(), newId()];
    const master = newId();
    await keepers.a.add(TENANT, [keyOf(one, 1, 'old'), keyOf(other, 1, master), keyOf(gone, 1, 'old')]);
    const ours = async () => {
      const found = await keepers.a.wrappedByOthers(master, 10_000);
      return found.filter(({ subject }) => [one, other, gone].includes(subject));
    };
    const former = await ours();
    expect(former.map(({ subject }) => subject).sort()).toEqual([one, gone].sort());
    expect(former).toEqual(
      expect.arrayContaining([expect.objectContaining({ ...keyOf(one, 1, 'old'), tenant: TENANT })]),
    );
    expect(await keepers.a.wrappedByOthers(master, 1)).toHaveLength(1);
    await keepers.b.forget(TENANT, gone, ASKED);
    for (const old of former) await keepers.a.replace(old, keyOf(old.subject, 9, master).key);
    expect(await find(one)).toEqual([keyOf(one, 9, master)]);
    expect(await find(gone)).toEqual([tombstone(gone)]);
    expect(await ours()).toEqual([]);
  });

  it('tells all processes of changes', async () => {
    let [here, there] = [0, 0];
    keepers.a.onChanged(() => (here += 1));
    const heard = new Promise<void>((resolve) =>
      keepers.b.onChanged(() => {
        there += 1;
        resolve();
      }),
    );
    keepers.a.announce();
    expect(here).toBeGreaterThan(0);
    await heard;
    expect(there).toBeGreaterThan(0);
  });
}
