// Sealing without a database: what comes back, where it opens, and how long a key is at hand.
import fc from 'fast-check';
import type { Personal } from '@concord/domain';
import { JsonText } from '@concord/event-store';
import { newId, type SealableAppend, type SealedEvent } from '@concord/kernel';
import { DataSubjects } from './data-subjects.js';
import { MasterKeys } from './master-keys.js';
import { MemorySubjectKeys } from './memory-subject-keys.js';
import { personalData } from './open-personal-data.js';
import { runInTenant } from '@concord/tenancy';

type Event = SealableAppend['events'][number];
const MASTER = new MasterKeys(Buffer.alloc(32, 1).toString('base64'));
const DECLARED: Personal[] = [{ type: 'Told', subject: 'who', fields: { secret: null, 'deep.one': '' } }];
const STREAM = 'thing-1';

function sealWith(keys = new MemorySubjectKeys(), declared: readonly Personal[] = DECLARED, master = MASTER) {
  const seal = personalData(declared, keys, master);
  return {
    seal: async (event: Event, tenant = 't', stream: `${string}-${string}` = STREAM): Promise<SealedEvent> => {
      const [append] = await seal.seal(tenant, [{ stream, events: [event] }]);
      return { stream, ...append!.events[0]! };
    },
    open: async (event: SealedEvent, tenant = 't') => (await seal.open(tenant, [event]))[0],
  };
}

const told = (secret: unknown, more: object = {}): Event => ({
  id: newId(),
  type: 'Told',
  data: { who: 'ada', secret, ...more },
  metadata: {},
});

// What JSON has and our stores keep: no U+0000, no lone surrogates, no -0.
const json = fc
  .jsonValue({ stringUnit: 'binary' })
  .filter((value) => !JSON.stringify(value).includes('\\u'))
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown);

describe('personal fields', () => {
  it('come back as they were, whatever they are, and the rest of the data with them', async () => {
    const { seal, open } = sealWith();
    await fc.assert(
      fc.asyncProperty(json, json, json, async (secret, one, rest) => {
        const event = told(secret, { deep: { before: 1, one, after: rest }, last: rest });
        const sealed = await seal(event);
        const data = await open(sealed);
        expect(JSON.stringify(data)).toBe(JSON.stringify(event.data));
        expect(sealed.data).toMatchObject({ who: 'ada', secret: null, deep: { before: 1, one: '' } });
      }),
      { numRuns: 300 },
    );
  });

  it('are not in what is stored', async () => {
    const sealed = await sealWith().seal(told('Ada Lovelace', { deep: { one: 'St. James’s Square' } }));
    const text = JSON.stringify(sealed);
    for (const word of ['Lovelace', 'James', Buffer.from('Lovelace').toString('base64').slice(0, 8)]) {
      expect(text).not.toContain(word);
    }
  });

  it('of the same event are sealed to the same text by everybody, and of another one to another text', async () => {
    const keys = new MemorySubjectKeys();
    const [one, other] = [sealWith(keys), sealWith(keys)];
    const event = told('x');
    expect(await other.seal(event)).toEqual(await one.seal(event));
    expect(await other.seal({ ...event, id: event.id.toUpperCase() })).toMatchObject({
      data: (await one.seal(event)).data,
    });
    const sealedOf = (sealed: SealedEvent) => (sealed.data as { $personal: [{ sealed: string }] }).$personal[0].sealed;
    const texts = [event, { ...event, id: newId() }, { ...event, data: { who: 'ada', secret: 'y' } }].map(
      async (each) => sealedOf(await one.seal(each)),
    );
    expect(new Set((await Promise.all(texts)).map((text) => text.slice(0, 16))).size).toBe(3);
  });

  it('open only where they were sealed', async () => {
    const { seal, open } = sealWith();
    const event = told('x');
    const sealed = await seal(event);
    await seal(event, 'other');
    const damaged = { code: 'personal-data-damaged' };
    await expect(open({ ...sealed, stream: 'thing-2' })).rejects.toMatchObject(damaged);
    await expect(open({ ...sealed, type: 'Said' })).rejects.toMatchObject(damaged);
    await expect(open({ ...sealed, id: newId() })).rejects.toMatchObject(damaged);
    await expect(open(sealed, 'other')).rejects.toMatchObject(damaged);
    // A load does not read ids: the one in the box counts.
    const { id: _id, ...loaded } = sealed;
    expect(await open(loaded)).toEqual(event.data);
  });

  it('that were tampered with are an error, and tell nothing', async () => {
    const { seal, open } = sealWith();
    const sealed = await seal(told('Lovelace'));
    const { $personal, ...rest } = sealed.data as { $personal: [Record<string, unknown>] };
    const [box] = $personal;
    const bytes = Buffer.from(box['sealed'] as string, 'base64');
    const flipped = (at: number) => {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      return { ...box, sealed: changed.toString('base64') };
    };
    const broken: unknown[] = [
      ...Array.from(bytes, (_, at) => [flipped(at)]),
      [{ ...box, sealed: '' }],
      [{ ...box, sealed: bytes.subarray(0, -4).toString('base64') }],
      [{ ...box, event: newId() }],
      [{ ...box, v: 2 }],
      [{}],
      [null],
      'x',
      {},
    ];
    for (const boxes of broken) {
      const error = await open({ ...sealed, data: { ...rest, $personal: boxes } }).catch((failure: unknown) => failure);
      expect({ boxes, error }).toMatchObject({ error: { code: 'personal-data-damaged' } });
      expect(String(error) + JSON.stringify(error)).not.toContain('Lovelace');
    }
    const nowhere = { ...sealed, data: { who: 'ada', $personal } };
    await expect(open(nowhere)).rejects.toMatchObject({ code: 'personal-data-damaged' });
    const elsewhere = { ...sealed, data: { ...rest, $personal: [{ ...box, subject: 'eve' }] } };
    await expect(open(elsewhere)).rejects.toMatchObject({ code: 'subject-key-missing' });
  });

  it('are not kept to the byte', async () => {
    await expect(async () => sealWith().seal({ ...told('x'), data: new JsonText('{"secret": 1}') })).rejects.toThrow(
      /Told has/,
    );
  });
});

describe('master keys', () => {
  const key = (byte: number) => Buffer.alloc(32, byte).toString('base64');

  it('that are none are refused, and not shown', () => {
    for (const wrong of ['', 'secret', Buffer.alloc(31).toString('base64'), `${key(1)}x`]) {
      const made = () => new MasterKeys(wrong);
      expect(made).toThrow(/CONCORD_MASTER_KEY is no key of 32 bytes in base64: make one with openssl rand -base64 32/);
      if (wrong) expect(made).not.toThrow(wrong);
    }
    expect(() => new MasterKeys(key(1), ['x'])).toThrow(/CONCORD_FORMER_MASTER_KEYS/);
  });

  it('are replaced: the former one opens until everything is wrapped anew', async () => {
    const keys = new MemorySubjectKeys();
    const sealed = await sealWith(keys).seal(told('x'));
    const next = new MasterKeys(key(2));
    const alone = sealWith(keys, DECLARED, next);
    await expect(alone.open(sealed)).rejects.toMatchObject({
      code: 'subject-key-missing',
      details: { masterKeyId: MASTER.id },
    });
    const both = new MasterKeys(key(2), [key(1)]);
    expect(await sealWith(keys, DECLARED, both).open(sealed)).toMatchObject({ secret: 'x' });
    expect(await new DataSubjects(keys, both).rewrap()).toBe(1);
    expect(await new DataSubjects(keys, both).rewrap()).toBe(0);
    expect(await sealWith(keys, DECLARED, next).open(sealed)).toMatchObject({ secret: 'x' });
    await expect(sealWith(keys, DECLARED).open(sealed)).rejects.toMatchObject({ code: 'subject-key-missing' });
  });

  it('open a key only where it belongs', async () => {
    const keys = new MemorySubjectKeys();
    await sealWith(keys).seal(told('x'));
    const [ada] = await keys.find('t', ['ada']);
    await keys.add('t', [{ ...ada!, subject: 'eve', key: ada!.key! }]);
    const moved = sealWith(keys).seal({ ...told('x'), data: { who: 'eve', secret: 1 } });
    await expect(moved).rejects.toThrow(/the key of subject "eve" is damaged/);
  });
});

describe('a key at hand', () => {
  it('is used for five seconds, then asked for again; a hint is heard at once', async () => {
    const keys = new MemorySubjectKeys();
    const { seal, open } = sealWith(keys);
    const clock = performance.now;
    let now = performance.now();
    performance.now = () => now;
    try {
      const sealed = await seal(told('x'));
      // Without a word to anybody, as another process does whose hint is lost.
      await keys.forget('t', 'ada', { reason: 'asked to' });
      now += 4_900;
      expect(await open(sealed)).toMatchObject({ secret: 'x' });
      now += 200;
      expect(await open(sealed)).toMatchObject({ secret: null });
      const other = await seal({ ...told('y'), data: { who: 'bob', secret: 'y' } });
      await keys.forget('t', 'bob', { reason: 'asked to' });
      keys.announce();
      expect(await open(other)).toMatchObject({ secret: null });
    } finally {
      performance.now = clock;
    }
  });

  it('that was looked up while its subject was being forgotten is not kept', async () => {
    let meanwhile = (): Promise<void> => Promise.resolve();
    class Slow extends MemorySubjectKeys {
      override async find(tenant: string, subjects: readonly string[]) {
        const found = await super.find(tenant, subjects);
        await meanwhile();
        return found;
      }
    }
    const keys = new Slow();
    const sealed = await sealWith(keys).seal(told('x'));
    const { open } = sealWith(keys);
    meanwhile = async () => {
      await keys.forget('t', 'ada', { reason: 'asked to' });
      keys.announce();
      meanwhile = () => Promise.resolve();
    };
    expect(await open(sealed)).toMatchObject({ secret: 'x' });
    expect(await open(sealed)).toMatchObject({ secret: null });
  });

  it('is asked for once by all who want it at the same time', async () => {
    let asked = 0;
    class Counting extends MemorySubjectKeys {
      override find(tenant: string, subjects: readonly string[]) {
        asked += 1;
        return super.find(tenant, subjects);
      }
    }
    const { seal } = sealWith(new Counting());
    await Promise.all(
      Array.from({ length: 50 }, (_, n) => seal({ ...told(n), data: { who: `s${n % 10}`, secret: n } })),
    );
    // Once to look, once to see whose key counts.
    expect(asked).toBe(2);
  });
});

describe('forgetting', () => {
  const subjects = (keys = new MemorySubjectKeys()) => new DataSubjects(keys, MASTER);
  const inTenant = <T>(work: () => Promise<T>) => runInTenant('t', work);

  it('says when the id was never heard of, and says why it was done', async () => {
    const asked = { reason: 'asked to' };
    const own = subjects();
    await inTenant(async () => {
      expect(await own.forget('typo', asked)).toMatchObject({
        outcome: 'unknown',
        everywhereAt: expect.any(Date) as Date,
      });
      expect(await own.forget('typo', asked)).toMatchObject({ outcome: 'forgotten-before' });
      await expect(own.forget('ada', { reason: ' ' })).rejects.toThrow(/say why/);
      for (const wrong of ['', 'a\0b', '\ud800', 'x'.repeat(201)]) {
        await expect(own.forget(wrong, asked)).rejects.toThrow(/the id of a subject has 1 to 200 characters/);
      }
      await expect(new DataSubjects(new MemorySubjectKeys()).readmit('ada')).rejects.toThrow(/set CONCORD_MASTER_KEY/);
    });
    await expect(own.forget('ada', asked)).rejects.toMatchObject({ code: 'tenant-missing' });
  });
});
