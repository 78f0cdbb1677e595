// What is told to another process is not kept here for ever.
import { Remembered } from './remembered.js';

const kept = (limits: { most: number; mostCharacters: number }, ...sizes: number[]): number[] => {
  const remembered = new Remembered<number>(limits);
  for (const [index, size] of sizes.entries()) remembered.set(`${index}`, index, size);
  return sizes.flatMap((_, index) => remembered.get(`${index}`) ?? []);
};

it('the oldest are forgotten where there are too many, or they are too long', () => {
  expect(kept({ most: 2, mostCharacters: 100 }, 1, 1, 1)).toEqual([1, 2]);
  expect(kept({ most: 9, mostCharacters: 100 }, 40, 40, 40)).toEqual([1, 2]);
  expect(kept({ most: 9, mostCharacters: 100 }, 1, 101)).toEqual([]);
});

it('what was taken out leaves its place to others', () => {
  const remembered = new Remembered<string>({ most: 2, mostCharacters: 100 });
  remembered.set('a', 'first', 60);
  remembered.set('a', 'again', 50);
  remembered.set('b', 'other', 50);
  expect([remembered.get('a'), remembered.get('b')]).toEqual(['again', 'other']);
  remembered.delete('a');
  remembered.delete('nobody');
  remembered.set('c', 'third', 50);
  expect([remembered.get('a'), remembered.get('b'), remembered.get('c')]).toEqual([undefined, 'other', 'third']);
});
