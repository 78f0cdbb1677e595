// A bank's audits: the total, the accounts, and that nobody owes.
import { checkHistory } from './check.js';
import { HistoryInvalid, type Line } from './history.js';

const audit = (process: number, value: unknown): Line[] => [
  { process, type: 'invoke', time: 0, f: 'read', value: null },
  { process, type: 'ok', time: 0, f: 'read', value },
];
const found = (lines: readonly Line[], total?: number): string[] =>
  checkHistory(lines, { total }).anomalies.map(({ type }) => type);

it('accepts audits that find the same total', () => {
  const transfer: Line[] = [
    { process: 9, type: 'invoke', time: 0, f: 'transfer', value: { from: 'a', to: 'b', amount: 3 } },
    { process: 9, type: 'ok', time: 0, f: 'transfer', value: { from: 'a', to: 'b', amount: 3 } },
  ];
  const lines = [...audit(1, { a: 10, b: 0 }), ...transfer, ...audit(2, { a: 7, b: 3 })];
  expect(found(lines)).toEqual([]);
  expect(checkHistory(lines).counts).toMatchObject({ audits: 2, transfers: 1 });
});

it('wrong-total: money that came from nowhere or went there', () => {
  expect(found([...audit(1, { a: 10, b: 0 }), ...audit(2, { a: 7, b: 0 })])).toEqual(['wrong-total']);
  expect(found(audit(1, { a: 10, b: 0 }), 11)).toEqual(['wrong-total']);
});

it('missing-account: an audit that did not find all accounts', () => {
  expect(found([...audit(1, { a: 10, b: 0 }), ...audit(2, { a: 10 })])).toEqual(['missing-account']);
});

it('negative-balance: an account that owes', () => {
  expect(found(audit(1, { a: 11, b: -1 }), 10)).toEqual(['negative-balance']);
});

it('refuses an audit without balances', () => {
  expect(() => found(audit(1, { a: 'much' }))).toThrow(HistoryInvalid);
});
