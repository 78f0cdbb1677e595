// The event that makes a batch fail is found in few tries, and all others are handled.
import { FailureSearch } from './failure-search.js';

/** Hands over events as a slice does; the bad ones are set aside once they are alone. */
function handOver(events: number, bad: readonly number[], search: FailureSearch) {
  const due = Array.from({ length: events }, (_, n) => n);
  const aside: number[] = [];
  let tries = 0;
  while (due.length > 0) {
    tries += 1;
    const batch = due.slice(0, search.next(500));
    if (!batch.some((event) => bad.includes(event))) {
      due.splice(0, batch.length);
      search.passed(batch.length);
    } else if (batch.length > 1) search.failed(batch.length);
    else {
      aside.push(...due.splice(0, 1));
      search.passed(1);
    }
  }
  return { aside, tries };
}

it.each([[0], [1], [249], [250], [498], [499]])('finds number %i of 500 by halves', (bad) => {
  const { aside, tries } = handOver(500, [bad], new FailureSearch(true));
  expect(aside).toEqual([bad]);
  expect(tries).toBeLessThanOrEqual(21);
});

it('finds several, one by one too', () => {
  const bad = [3, 4, 600, 999];
  expect(handOver(1000, bad, new FailureSearch(true)).aside).toEqual(bad);
  expect(handOver(1000, bad, new FailureSearch(false))).toEqual({ aside: bad, tries: 1002 });
});
