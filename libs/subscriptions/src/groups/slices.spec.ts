import { sliceOf } from './slices.js';

describe('the slice of a stream', () => {
  it('never changes: checkpoints depend on it', () => {
    expect(sliceOf('t', 'order-1', 16)).toBe(11);
    expect(sliceOf('t', 'order-2', 16)).toBe(9);
    expect(sliceOf('acme', 'account-4711', 1024)).toBe(342);
    expect(sliceOf('acme', 'account-4712', 1024)).toBe(469);
    expect(sliceOf('t', 'order-ß', 1)).toBe(0);
  });

  it.each([
    ['streams of one tenant', (n: number) => sliceOf('t', `order-${n}`, 20)],
    ['one stream of each tenant', (n: number) => sliceOf(`tenant-${n}`, 'settings-1', 20)],
  ])('spreads %s evenly', (_, slice) => {
    const counts = new Array<number>(20).fill(0);
    for (let n = 0; n < 20_000; n += 1) counts[slice(n)]! += 1;
    expect(Math.min(...counts)).toBeGreaterThan(850);
    expect(Math.max(...counts)).toBeLessThan(1150);
  });
});
