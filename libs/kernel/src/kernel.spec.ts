import fc from 'fast-check';
import { v5 } from 'uuid';
import { InvalidArgument } from './errors.js';
import { derivedId, derivedIdOf, isId, newId } from './ids.js';
import { assertExactJson } from './json.js';
import { currentMessage, runInMessage } from './message-context.js';
import { parsePosition } from './position.js';
import { logLevelSetting, wholeNumberSetting } from './settings.js';
import { parseStreamName, streamName } from './stream-name.js';

describe('stream names', () => {
  it('are category-id, and the id may have dashes', () => {
    expect(streamName('account', 'a-b-c')).toBe('account-a-b-c');
    expect(parseStreamName('account-a-b-c')).toEqual({ category: 'account', id: 'a-b-c' });
  });

  it.each([
    ['acc-ount', '1'],
    ['', '1'],
    ['9a', '1'],
    ['a', ''],
    ['a', 'x\u0000'],
    ['a', 'x\n'],
    ['a', '\ud800'],
    ['a', 'x'.repeat(201)],
  ])('refuse %j and %j', (category, id) => {
    expect(() => streamName(category, id)).toThrow(InvalidArgument);
  });
});

describe('positions', () => {
  it('are read from digits, exactly', () => {
    expect(parsePosition('9223372036854775807')).toBe(2n ** 63n - 1n);
  });

  it.each(['', '-1', '1.0', '1e3', ' 1', '0x10', '9223372036854775808', 'abc', '1n'])('refuse %j', (text) => {
    expect(() => parsePosition(text)).toThrow(InvalidArgument);
  });
});

describe('ids', () => {
  it('are UUIDs in the order of time', () => {
    const ids = Array.from({ length: 1_000 }, () => newId());
    expect(ids.every(isId)).toBe(true);
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids.map((id) => id.slice(-12))).size).toBe(ids.length);
  });

  it('are the same for the same parts, and for no others', () => {
    expect(derivedId('a', 'b')).toBe(derivedId('a', 'b'));
    expect(new Set([derivedId('a', 'b'), derivedId('ab'), derivedId('a,b'), derivedId('b', 'a')]).size).toBe(4);
  });

  it('are UUIDs of version 5, as any library makes them', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (parts) => {
        expect(derivedId(...parts)).toBe(v5(JSON.stringify(parts), '2f0f6f3c-6a1b-5c57-9d3e-8c1a6f2b7d10'));
      }),
    );
  });

  it('keep the time of what they are derived from, where it has one', () => {
    const [earlier, later] = ['0193a5b0-0000-7000-8000-000000000001', '0193a5b0-0001-7000-8000-000000000001'];
    const derived = [derivedIdOf(earlier, '0'), derivedIdOf(earlier, '1'), derivedIdOf(later, '0')];
    expect(derived.every(isId)).toBe(true);
    expect(new Set(derived).size).toBe(3);
    expect(derived.map((id) => id.slice(0, 15))).toEqual(['0193a5b0-0000-8', '0193a5b0-0000-8', '0193a5b0-0001-8']);
    expect(derivedIdOf(earlier.toUpperCase(), '0').slice(0, 15)).toBe('0193a5b0-0000-8');
    expect(derivedIdOf('order 4711', '0')).toBe(derivedIdOf('order 4711', '0'));
    expect(isId(derivedIdOf('order 4711', '0'))).toBe(true);
  });
});

describe('exact JSON', () => {
  it('accepts just what JSON gives back unchanged', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const text = JSON.stringify(value);
        const exact = !text.includes('\\u0000') && !/\\ud[89a-f]/.test(text) && !hasNegativeZero(value);
        if (!exact) return;
        assertExactJson(value);
        expect(JSON.parse(text)).toEqual(value);
      }),
    );
  });

  it('finds a value that contains itself', () => {
    const loop: unknown[] = [];
    loop.push(loop);
    expect(() => assertExactJson(loop)).toThrow(/nested deeper/);
  });

  it('refuses what a toJSON method would change', () => {
    expect(() => assertExactJson({ amount: { toJSON: () => 1 } })).toThrow(/\$\.amount/);
  });
});

describe('settings', () => {
  it('are whole numbers up to a limit, or what is said instead of none', () => {
    const port = (text?: string) => wholeNumberSetting({ ...(text !== undefined && { PORT: text }) }, 'PORT', 80, 99);
    expect([port(), port(''), port('0'), port('99')]).toEqual([80, 80, 0, 99]);
    for (const text of ['100', '-1', '1.5', '1e1', ' 1', '٣', 'x', '1'.repeat(400)]) {
      expect(() => port(text)).toThrow(
        new InvalidArgument(`PORT="${text}" is no whole number from 0 to 99: correct it or leave it out`),
      );
    }
  });

  it('name a log level', () => {
    expect([logLevelSetting({}), logLevelSetting({ LOG_LEVEL: 'warn' })]).toEqual(['info', 'warn']);
    expect(() => logLevelSetting({ LOG_LEVEL: 'loud' })).toThrow(
      /^LOG_LEVEL="loud" is no log level: take one of fatal, error/,
    );
  });
});

describe('the message context', () => {
  it('follows what is awaited, and ends with it', async () => {
    const seen = await runInMessage({ correlationId: 'c' }, async () => {
      await Promise.resolve();
      return currentMessage();
    });
    expect(seen).toEqual({ correlationId: 'c' });
    expect(currentMessage()).toBeUndefined();
  });
});

function hasNegativeZero(value: unknown): boolean {
  if (Object.is(value, -0)) return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(hasNegativeZero);
}
