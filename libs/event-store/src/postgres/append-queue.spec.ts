// The lanes of appends that wait: order within a stream, one call at a time for an event id, and a cost that does not grow
// with what is waiting.
import type { TenantId } from '@concord/tenancy';
import { type Chain, keysOf, sizeOf } from './append-batch.js';
import { AppendQueue } from './append-queue.js';

type Queue = AppendQueue<unknown>;

let looks = 0;
let ids = 0;

// eslint-disable-next-line max-params -- what a case is about comes last, and is mostly left out
function add(queue: Queue, stream: string, expected = 'any', id = `id-${(ids += 1)}`, events = 1): void {
  const append = {
    tenant: 't' as TenantId,
    stream,
    events: Array.from({ length: events }, (_, n) => ({
      id: n === 0 ? id : `${id}-${n}`,
      type: 'Happened',
      data: '{}',
      metadata: '{}',
    })),
    traced: undefined,
    get expected() {
      looks += 1;
      return expected;
    },
  };
  queue.add({
    append,
    ...keysOf(append),
    size: sizeOf(append),
    since: 0,
    resolve: () => undefined,
    reject: () => undefined,
  });
}

const shapeOf = (chains: readonly Chain<unknown>[]) =>
  chains.map(({ stream, links }) => `${stream} ${links.map(({ append }) => append.expected).join()}`);

function emptied(queue: Queue): string[][] {
  const batches: string[][] = [];
  for (let chains = queue.take(2); chains.length > 0; chains = queue.take(2)) {
    batches.push(shapeOf(chains));
    for (const chain of chains) queue.release(chain);
  }
  return batches;
}

describe('appends that wait', () => {
  it('go as far as they follow from one another, and on once those before them are answered', () => {
    const queue: Queue = new AppendQueue();
    for (const expected of ['0', '1', '5', '6', 'any', 'any', 'no-stream']) add(queue, 'a', expected);
    add(queue, 'b');
    const first = queue.take(2);
    expect(shapeOf(first)).toEqual(['a 0,1', 'b any']);
    add(queue, 'b');
    expect([queue.take(2), queue.isReady, queue.size]).toEqual([[], false, 9]);
    for (const chain of first) queue.release(chain);
    expect(emptied(queue)).toEqual([['a 5,6', 'b any'], ['a any,any'], ['a no-stream']]);
    expect([queue.isReady, queue.size, queue.characters]).toEqual([false, 0, 0]);
  });

  it('wait for their event id, in whatever stream it is under way', () => {
    const queue: Queue = new AppendQueue();
    add(queue, 'a', 'any', 'x');
    add(queue, 'a', 'any', 'x');
    add(queue, 'b', 'any', 'x');
    add(queue, 'b');
    add(queue, 'c');
    expect(emptied(queue)).toEqual([['a any', 'c any'], ['b any,any'], ['a any']]);
    expect(queue.size).toBe(0);
  });

  it('are shared out between calls when they are many events, in however few streams', () => {
    const queue: Queue = new AppendQueue();
    const taken = (): string[][] => [2, 1, 2].map((calls) => queue.take(calls).map(({ stream }) => stream));
    for (const stream of ['a', 'b', 'c', 'd']) add(queue, stream, 'any', stream, 10);
    expect(taken()).toEqual([['a', 'b'], ['c', 'd'], []]);
    for (const stream of ['e', 'f', 'g', 'h']) add(queue, stream, 'any', stream, 3);
    expect(taken()).toEqual([['e', 'f', 'g', 'h'], [], []]);
  });

  it.each<[string, (n: number) => readonly [stream: string, expected: string]]>([
    ['each for a stream of its own', (n) => [`s-${n}`, 'any']],
    ['all for one stream', () => ['s', 'any']],
    ['all for one stream, none following from another', (n) => ['s', `${2 * n}`]],
  ])('cost what they are, and not what waits behind them: %s', (_, shape) => {
    const count = 20_000;
    const queue: Queue = new AppendQueue();
    for (let n = 0; n < count; n += 1) add(queue, ...shape(n));
    looks = 0;
    let answered = 0;
    for (let chains = queue.take(2); chains.length > 0; chains = queue.take(2)) {
      for (const chain of chains) queue.release(chain);
      answered += chains.reduce((sum, { links }) => sum + links.length, 0);
    }
    expect(answered).toBe(count);
    expect(looks).toBeLessThan(4 * count);
  });
});
