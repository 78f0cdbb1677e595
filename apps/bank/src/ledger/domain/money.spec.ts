import { InvalidArgument } from '@concord/kernel';
import fc from 'fast-check';
import { formatMoney, recordedMoney, parseMoney } from './money.js';

describe('money', () => {
  it.each([
    ['0.00', 0n],
    ['700.00', 70_000n],
    ['-0.10', -10n],
    ['999999999999999.99', 99_999_999_999_999_999n],
  ])('%s', (text, amount) => {
    expect(parseMoney(text)).toBe(amount);
    expect(formatMoney(amount)).toBe(text);
  });

  it.each([
    '',
    '1',
    '1.5',
    '1.500',
    '01.00',
    '.50',
    '1,00',
    ' 1.00',
    '1.00\n',
    '+1.00',
    '1e2',
    'NaN',
    '١.00',
    '1000000000000000.00',
  ])('refuses %j', (text) => {
    expect(() => parseMoney(text)).toThrow(InvalidArgument);
  });

  it('survives being written and read, whatever the amount', () => {
    fc.assert(
      fc.property(fc.bigInt(-(10n ** 40n), 10n ** 40n), (amount) => recordedMoney(formatMoney(amount)) === amount),
    );
  });
});
