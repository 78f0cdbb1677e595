// How much goes in one append, and how much may wait.
import { StoreUnavailable } from '@concord/event-store';
import { newId } from '@concord/kernel';
import { Unsent } from './unsent.js';

let unsent: Unsent;
beforeEach(() => {
  unsent = new Unsent();
});

function add(size: number, count = 1): void {
  const events = Array.from({ length: count }, () => ({ id: newId(), type: 'Added', data: {} }));
  const request = { stream: 'sum-1', expected: 'no-stream', events } as const;
  unsent.add({ request, size, revision: -1n, resolve: () => undefined, reject: () => undefined });
}
const taken = (): number[] => unsent.take().map(({ size }) => size);

describe('what is not sent yet', () => {
  it('goes together, in order, and once', () => {
    for (const size of [1, 2, 3]) add(size);
    expect(taken()).toEqual([1, 2, 3]);
    expect(taken()).toEqual([]);
  });

  it('goes in parts of 1,000 events', () => {
    for (const size of [1, 2, 3, 4]) add(size, 400);
    expect([taken(), taken(), taken()]).toEqual([[1, 2], [3, 4], []]);
  });

  it('goes in parts of 4,000,000 characters', () => {
    for (const size of [2_000_000, 2_000_000, 1]) add(size);
    expect([taken(), taken(), taken()]).toEqual([[2_000_000, 2_000_000], [1], []]);
  });

  it('goes alone when it is more than that by itself', () => {
    add(1);
    add(9_000_000);
    add(2, 5_000);
    add(3);
    expect([taken(), taken(), taken(), taken(), taken()]).toEqual([[1], [9_000_000], [2], [3], []]);
  });

  it('has no room for more than 10,000 commands, with those that wait for their turn', () => {
    for (let size = 0; size < 6_000; size += 1) add(0);
    expect(() => unsent.assertRoom(3_999)).not.toThrow();
    expect(() => unsent.assertRoom(4_000)).toThrow(StoreUnavailable);
    unsent.take();
    expect(() => unsent.assertRoom(4_000)).not.toThrow();
  });

  it('has no room beyond 40,000,000 characters, and has it again once they are sent, or given up', () => {
    for (const takes of [() => unsent.take(), () => unsent.takeAll()]) {
      for (let count = 0; count < 10; count += 1) add(4_000_000);
      expect(() => unsent.assertRoom(0)).toThrow('nothing was changed');
      takes();
      expect(() => unsent.assertRoom(0)).not.toThrow();
      unsent.takeAll();
    }
  });
});
