// One small history for each anomaly, and for each the harmless one beside it.
import { checkLists } from './check.js';
import { a, history, r } from './histories.js';
import type { Transaction } from './history.js';

const anomalies = (transactions: readonly Transaction[]) => checkLists(transactions).anomalies;
const types = (transactions: readonly Transaction[]): string[] =>
  [...new Set(anomalies(transactions).map(({ type }) => type))].sort();

describe('a sound history', () => {
  it('is one in which everything follows one order that time agrees with', () => {
    expect(
      types(
        history(
          { steps: [a('x', 1), r('x', 1)], at: [0, 10] },
          { steps: [r('x', 1), a('y', 2)], at: [11, 20] },
          { steps: [a('x', 3), a('x', 4)], at: [12, 22] },
          { steps: [r('x', 1, 3, 4), r('y', 2)], at: [23, 30] },
        ),
      ),
    ).toEqual([]);
  });

  it('may read before or after what happens at the same time', () => {
    expect(types(history({ steps: [a('x', 1)] }, { steps: [r('x')] }, { steps: [r('x', 1)] }))).toEqual([]);
  });
});

describe('cycles of the data', () => {
  it('G0: two that appended in both orders', () => {
    const found = history(
      { steps: [a('x', 1), a('y', 1)] },
      { steps: [a('x', 2), a('y', 2)] },
      { steps: [r('x', 1, 2)] },
      { steps: [r('y', 2, 1)] },
    );
    expect(types(found)).toEqual(['G0']);
  });

  it('G1c: two that read of each other', () => {
    expect(types(history({ steps: [a('x', 1), r('y', 2)] }, { steps: [a('y', 2), r('x', 1)] }))).toEqual(['G1c']);
  });

  it('G-single: one that read of another, and also from before it', () => {
    expect(
      types(history({ steps: [a('x', 1), a('y', 1)] }, { steps: [r('x', 1), r('y')] }, { steps: [r('y', 1)] })),
    ).toEqual(['G-single']);
  });

  it('G-single, also when what was missed was never read', () => {
    expect(types(history({ steps: [a('x', 1), a('y', 1)] }, { steps: [r('x', 1), r('y')] }))).toEqual(['G-single']);
  });

  it('G2: write skew, where each read what the other changed', () => {
    const skew = history(
      { steps: [r('x'), a('y', 1)] },
      { steps: [r('y'), a('x', 2)] },
      { steps: [r('x', 2), r('y', 1)] },
    );
    expect(types(skew)).toEqual(['G2']);
  });

  it('G2: a long fork, where two saw the same two appends in opposite orders', () => {
    const fork = history(
      { steps: [a('x', 1)] },
      { steps: [a('y', 1)] },
      { steps: [r('x', 1), r('y')] },
      { steps: [r('x'), r('y', 1)] },
    );
    expect(types(fork)).toEqual(['G2']);
  });

  it('shows the transactions, and why each is before the next', () => {
    const [cycle] = anomalies(
      history({ steps: [a('x', 1), r('y', 2)] }, { steps: [a('y', 2), r('x', 1)], process: 7, at: [0, 2_000_000_000] }),
    );
    expect(cycle?.operations.toSorted()).toEqual([0, 1]);
    expect(cycle?.text.split('\n')).toEqual([
      'a cycle of 2 transactions',
      '  T0 (process 0, ok, 0.0000 s to 0.0000 s): append x 1, r y [2]',
      '  T1 (process 7, ok, 0.0000 s to 2.0000 s): append y 2, r x [1]',
      '  T0 is before T1 (wr): it appended 1 to x, which T1 read',
      '  T1 is before T0 (wr): it appended 2 to y, which T0 read',
    ]);
  });
});

describe('cycles of the data and of time', () => {
  it('G-single-realtime: one that missed what had ended before it began', () => {
    const stale = history(
      { steps: [a('x', 1)], at: [0, 10] },
      { steps: [r('x')], at: [11, 20] },
      { steps: [r('x', 1)] },
    );
    expect(types(stale)).toEqual(['G-single-realtime']);
  });

  it('is none when it ended as the other began', () => {
    const together = history(
      { steps: [a('x', 1)], at: [0, 10] },
      { steps: [r('x')], at: [10, 20] },
      { steps: [r('x', 1)] },
    );
    expect(types(together)).toEqual([]);
  });

  it('G-single-realtime: an append that was answered and is lost', () => {
    const lost = history({ steps: [a('x', 1)], at: [0, 10] }, { steps: [r('x')], at: [11, 20] });
    expect(types(lost)).toEqual(['G-single-realtime']);
  });

  it('G-single-process: a process that missed its own', () => {
    const own = history(
      { steps: [a('x', 1)], process: 1, at: [0, 10] },
      { steps: [r('x')], process: 1, at: [10, 20] },
      { steps: [r('x', 1)] },
    );
    expect(types(own)).toEqual(['G-single-process']);
  });

  it('G0-realtime: appends against the order of time', () => {
    const late = history(
      { steps: [a('x', 1)], at: [0, 10] },
      { steps: [a('x', 2)], at: [11, 20] },
      { steps: [r('x', 2, 1)] },
    );
    expect(types(late)).toEqual(['G0-realtime']);
  });

  it('G1c-realtime: what was read of one that was yet to begin', () => {
    expect(types(history({ steps: [r('x', 1)], at: [0, 10] }, { steps: [a('x', 1)], at: [11, 20] }))).toEqual([
      'G1c-realtime',
    ]);
  });

  it('G2-realtime: two who saw each other’s time differently', () => {
    const fork = history(
      { steps: [r('x'), r('y', 1)] },
      { steps: [a('x', 1)], at: [0, 10] },
      { steps: [r('y')], at: [20, 30] },
      { steps: [a('y', 1)] },
    );
    expect(types(fork)).toEqual(['G2-realtime']);
  });
});

describe('what nobody knows the outcome of', () => {
  it('may have happened or not, and at any time after it began', () => {
    const unknown = { steps: [a('x', 1)], at: [0] as const };
    const absent = { steps: [r('x')], at: [20, 30] as const };
    const present = { steps: [r('x', 1)], at: [40, 50] as const };
    expect(types(history(unknown, absent))).toEqual([]);
    expect(types(history(unknown, present))).toEqual([]);
    expect(types(history(unknown, absent, present))).toEqual([]);
    expect(types(history({ ...unknown, at: [0, 10], outcome: 'info' }, absent, present))).toEqual([]);
  });

  it('has not happened before it began', () => {
    expect(types(history({ steps: [r('x', 1)], at: [0, 10] }, { steps: [a('x', 1)], at: [20] }))).toEqual([
      'G1c-realtime',
    ]);
  });

  it('has happened as a whole once a part of it was read', () => {
    const half = [{ steps: [a('x', 1), a('y', 1)], at: [0] as const }, { steps: [r('x', 1), r('y')] }];
    expect(types(history(...half))).toEqual(['G-single']);
  });

  it('does not bind what its process did next', () => {
    const next = history(
      { steps: [a('x', 1)], process: 1, at: [0, 10], outcome: 'info' },
      { steps: [r('x')], process: 1, at: [11, 20] },
      { steps: [r('x', 1)], at: [21, 30] },
    );
    expect(types(next)).toEqual([]);
  });
});

describe('what single reads give away', () => {
  it('G1a: a dirty read, of one that failed', () => {
    expect(types(history({ steps: [a('x', 1)], outcome: 'fail' }, { steps: [r('x', 1)] }))).toEqual(['G1a']);
  });

  it('G1b: a read from the middle of another transaction', () => {
    const middle = history({ steps: [a('x', 1), a('x', 2)] }, { steps: [r('x', 1)] });
    expect(types(middle)).toContain('G1b');
    expect(types(history({ steps: [a('x', 1), r('x', 1), a('x', 2)] }, { steps: [r('x', 1, 2)] }))).toEqual([]);
  });

  it('lost-update: two that appended to what both had found', () => {
    const lost = history({ steps: [r('x'), a('x', 1)] }, { steps: [r('x'), a('x', 2)] });
    expect(types(lost)).toContain('lost-update');
    expect(types(history({ steps: [r('x'), a('x', 1)] }, { steps: [r('x', 1), a('x', 2)] }))).toEqual([]);
  });

  it('incompatible-order: reads of which neither is the beginning of the other', () => {
    expect(
      types(history({ steps: [a('x', 1)] }, { steps: [a('x', 2)] }, { steps: [r('x', 1)] }, { steps: [r('x', 2)] })),
    ).toEqual(['incompatible-order']);
  });

  it('duplicate-elements: an append that was applied twice', () => {
    expect(types(history({ steps: [a('x', 1)] }, { steps: [r('x', 1, 1)] }))).toContain('duplicate-elements');
  });

  it('garbage-read: what nobody appended', () => {
    expect(types(history({ steps: [r('x', 9)] }))).toEqual(['garbage-read']);
  });

  it('internal: a transaction that does not find its own appends, or what it found before', () => {
    expect(types(history({ steps: [a('x', 1), r('x')] }))).toContain('internal');
    expect(types(history({ steps: [a('x', 2)] }, { steps: [r('x'), r('x', 2)] }))).toContain('internal');
    expect(types(history({ steps: [a('x', 2)] }, { steps: [a('x', 1), r('x', 2, 1), r('x', 2, 1)] }))).toEqual([]);
  });
});
