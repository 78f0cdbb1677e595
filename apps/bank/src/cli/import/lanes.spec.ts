import { setTimeout as sleep } from 'node:timers/promises';
import { Lanes } from './lanes.js';

describe('lanes', () => {
  it('keep the order within a lane, and go on side by side, no more than so many at once', async () => {
    const lanes = new Lanes(3);
    const done: Record<string, number[]> = { a: [], b: [], c: [], d: [], e: [] };
    let [running, most] = [0, 0];
    for (let index = 0; index < 100; index += 1) {
      const lane = 'abcde'[(index * 7) % 5]!;
      await lanes.add(lane, async () => {
        running += 1;
        most = Math.max(most, running);
        await sleep(index % 3);
        running -= 1;
        done[lane]!.push(index);
      });
    }
    await lanes.drained();
    expect(most).toBe(3);
    expect(Object.values(done).flat()).toHaveLength(100);
    for (const order of Object.values(done)) expect(order).toEqual(order.toSorted((one, other) => one - other));
  });

  it('make whoever adds work wait while too much is waiting', async () => {
    const lanes = new Lanes(1);
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    let added = 0;
    const adding = (async () => {
      for (; added < 100; added += 1) await lanes.add('one', () => gate);
    })();
    await sleep(10);
    expect(added).toBeLessThan(20);
    open();
    await adding;
    await lanes.drained();
    expect(added).toBe(100);
  });

  it('stop at the first error, and tell of it', async () => {
    const lanes = new Lanes(2);
    let later = 0;
    await lanes.add('a', () => sleep(1));
    await lanes.add('a', () => Promise.reject(new Error('the database is gone')));
    await lanes.add('a', async () => void (later += 1));
    await expect(lanes.drained()).rejects.toThrow('the database is gone');
    await expect(lanes.add('b', async () => void (later += 1))).rejects.toThrow('the database is gone');
    expect(later).toBe(0);
  });

  it('forget what has not begun, and finish what has', async () => {
    const lanes = new Lanes(1);
    const done: string[] = [];
    await lanes.add('a', () => sleep(5).then(() => void done.push('first')));
    await lanes.add('a', async () => void done.push('second'));
    await lanes.add('b', async () => void done.push('third'));
    lanes.clear();
    await lanes.drained();
    expect(done).toEqual(['first']);
  });
});
