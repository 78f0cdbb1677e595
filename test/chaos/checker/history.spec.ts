// What is a history, and what is none.
import { checkHistory } from './check.js';
import { HistoryInvalid, operationsOf, parseHistory } from './history.js';

const line = (fields: object): string =>
  JSON.stringify({ process: 0, type: 'invoke', time: 0, f: 'txn', value: [['r', 'x', null]], ...fields });
const checked = (...lines: string[]) => checkHistory(parseHistory(lines.join('\n')));

it('is JSON lines; what was invoked and never answered is in it without an outcome', () => {
  const operations = operationsOf(
    parseHistory([line({}), '', line({ process: 1 }), line({ process: 1, type: 'ok' })].join('\n')),
  );
  expect(operations.map(({ index, process, outcome }) => ({ index, process, outcome }))).toEqual([
    { index: 0, process: 0, outcome: 'info' },
    { index: 1, process: 1, outcome: 'ok' },
  ]);
});

it('counts what it was made of', () => {
  const { counts } = checked(
    line({}),
    line({ type: 'ok', time: 1, value: [['r', 'x', []]] }),
    line({ process: 1, time: 1 }),
  );
  expect(counts).toMatchObject({ transactions: 2, 'transactions ok': 1, 'transactions without answer': 1, keys: 1 });
});

it.each([
  ['no JSON', ['{'], 'line 1: is no JSON'],
  ['no object', ['7'], 'line 1: is no object'],
  ['a process without a name', [line({ process: null })], 'line 1: `process`'],
  ['an unknown type', [line({}), line({ type: 'maybe' })], 'line 2: `type`'],
  ['no time', [line({ time: 'noon' })], 'line 1: `time`'],
  ['no function', [line({ f: 1 })], 'line 1: `f`'],
  ['no list of steps', [line({ value: {} })], 'no list of steps'],
  ['an unknown step', [line({ value: [['w', 'x', 1]] })], '["append", key, number]'],
  ['an answer before the question', [line({ type: 'ok' })], 'never began'],
  ['what nobody can check', [line({ f: 'cas' })], 'f is txn'],
  ['two questions at once', [line({}), line({})], 'before it has ended'],
  ['a clock that was set back', [line({ time: 5 }), line({ type: 'ok', time: 4 })], 'in the order of time'],
  ['an answer to another question', [line({}), line({ type: 'ok', value: [['append', 'x', 1]] })], 'other appends'],
  [
    'an element that is appended twice',
    [line({ value: [['append', 'x', 1]] }), line({ process: 1, value: [['append', 'x', 1]] })],
    'by two transactions',
  ],
])('refuses %s', (_, lines, why) => {
  expect(() => checked(...lines)).toThrow(HistoryInvalid);
  expect(() => checked(...lines)).toThrow(why);
});
