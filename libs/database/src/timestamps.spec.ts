// Timestamps that are read by their digits are those that the standard reads, and pg where it is another form.
import fc from 'fast-check';
import pg from 'pg';
import { parseTimestamp } from './timestamps.js';

const byPg = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ, 'text') as (text: string) => Date;
const moments = fc.date({
  min: new Date('1000-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59.999Z'),
  noInvalidDate: true,
});

/** As PostgreSQL writes it: without zeros at the end of the fraction, and none at all where it is zero. */
function written(moment: Date, microseconds: number): string {
  const [day = '', time = ''] = moment.toISOString().split('T');
  const fraction = `${time.slice(9, 12)}${String(microseconds).padStart(3, '0')}`.replace(/0+$/, '');
  return `${day} ${time.slice(0, 8)}${fraction === '' ? '' : `.${fraction}`}+00`;
}

describe('a timestamp', () => {
  it('is the moment that was written, whatever its fraction', () => {
    fc.assert(
      fc.property(moments, fc.integer({ min: 0, max: 999 }), (moment, microseconds) => {
        expect(parseTimestamp(written(moment, microseconds))).toEqual(moment);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    '2026-11-22 10:00:00+00',
    '2026-11-22 10:00:00.5+00',
    '2026-11-22 10:00:00.123456+02',
    '2026-11-22 10:00:00.123456+05:30',
    '1891-03-15 00:00:00.25+00:09:21',
    '0099-01-01 00:00:00+00',
    '12026-11-22 10:00:00.1+00',
    '0044-03-15 12:00:00+00 BC',
    'infinity',
    '-infinity',
  ])('%s is what pg reads', (text) => {
    expect(parseTimestamp(text)).toEqual(byPg(text));
  });
});
