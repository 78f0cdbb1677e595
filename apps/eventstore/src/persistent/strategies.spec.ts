import { newId } from '@concord/kernel';
import { Consumer } from './consumer.js';
import type { Message } from './message.js';
import { strategies } from './strategies.js';

it('Pinned leaves a lane with whoever has an event of it in hand, and makes it wait while that one is full', () => {
  const consumer = () =>
    new Consumer({
      bufferSize: 2,
      user: 'u',
      from: 'f',
      connectionName: 'c',
      isClogged: () => false,
      send: () => undefined,
      end: () => undefined,
    });
  const message = (lane: number): Message => ({
    id: newId(),
    entry: { event: undefined },
    place: 0n,
    replayed: false,
    lane,
    retries: 0,
    failures: 0,
  });
  const [one, two] = [consumer(), consumer()];
  [one.weights[7], two.weights[7]] = [1, 2];
  const held = message(7);
  expect(strategies.Pinned(held, [one])).toBe(one);
  one.give(held);
  expect(strategies.Pinned(message(7), [one, two])).toBe(one);
  one.give(message(8));
  expect(strategies.Pinned(message(7), [one, two])).toBe('later');
  one.release(held);
  expect(strategies.Pinned(message(7), [one, two])).toBe(two);
  expect(strategies.Pinned(message(8), [one])).toBe(one);
  one.give(message(8));
  expect(strategies.Pinned(message(8), [one])).toBe('full');
});
