// The event that makes a batch fail is found in few tries, and all others are handled.
import { FailureSearch, FailureSearches } from './failure-search.js';

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

it('is not disturbed by what other tenants pass meanwhile', () => {
  const searches = new FailureSearches(true);
  const error = new Error('poison');
  expect([searches.failed('sick', 500, error), searches.failed('sick', 250, error)]).toEqual([true, false]);
  for (let n = 0; n < 8; n += 1) searches.passed(`well${n}`, 500);
  expect([searches.next('sick', 500), searches.next('well1', 500)]).toEqual([125, 500]);
  expect(searches.underWay).toEqual([{ tenantId: 'sick', error, attempts: 2 }]);
  searches.found('sick');
  expect(searches.underWay).toEqual([]);
  searches.passed('sick', 250);
  expect(searches.next('sick', 500)).toBe(500);
});
