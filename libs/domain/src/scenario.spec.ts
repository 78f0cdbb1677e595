// The test kit must fail when it should: each wrong expectation is tried.
import { AggregateRoot } from './aggregate-root.js';
import { ensure, invariant } from './invariant.js';
import { given } from './scenario.js';

type Counted = { type: 'Counted'; data: { by: number; note?: string } };

const belowTen = invariant<number>({
  name: 'below-ten',
  kind: 'state',
  holds: (sum) => sum < 10,
  reason: (sum) => `${sum} is not below ten`,
});

class Counter extends AggregateRoot<Counted, number> {
  static readonly category = 'counter';

  count(by: number): void {
    ensure(belowTen, this.state + by);
    if (by !== 0) this.record({ type: 'Counted', data: { by } });
  }

  protected override initialState(): number {
    return 0;
  }

  protected override evolve(state: number, event: Counted): number {
    return state + event.data.by;
  }
}

const three: Counted = { type: 'Counted', data: { by: 3 } };
const scenario = (by: number) => given(Counter, 'c', three).when((counter) => counter.count(by));

describe('given/when/then', () => {
  it('accepts what happened', () => {
    scenario(4)
      .then({ type: 'Counted', data: { by: 4 } })
      .thenState(7);
    scenario(0).thenNothing();
    scenario(7).thenBroken('below-ten', '10 is not below ten');
    scenario(7).thenBroken('below-ten', /not below/);
  });

  it('compares whole events', () => {
    expect(() => scenario(4).then()).toThrow();
    expect(() => scenario(4).then({ type: 'Counted', data: { by: 5 } })).toThrow();
    expect(() => scenario(4).then({ type: 'Counted', data: { by: 4, note: 'x' } })).toThrow();
    expect(() => scenario(4).then({ type: 'Counted', data: { by: 4 } }, three)).toThrow();
    expect(() => scenario(4).thenNothing()).toThrow();
    expect(() => scenario(4).thenState(8)).toThrow();
  });

  it('does not take one refusal for another, nor an acceptance for a refusal', () => {
    expect(() => scenario(4).thenBroken('below-ten')).toThrow(/accepted/);
    expect(() => scenario(7).thenBroken('other-rule')).toThrow();
    expect(() => scenario(7).thenBroken('below-ten', 'another reason')).toThrow();
    expect(() => scenario(7).then()).toThrow('10 is not below ten');
    const bug = given(Counter, 'c').when(() => {
      throw new TypeError('bug');
    });
    expect(() => bug.thenBroken('below-ten')).toThrow('bug');
  });
});

describe('a decision', () => {
  it('that comes to something else the second time is found out by thenAgain()', () => {
    let calls = 0;
    const impure = given(Counter, 'c').when((counter) => counter.count((calls += 1)));
    expect(() => impure.thenAgain()).toThrow('time, ids and chance arrive in the command');
    given(Counter, 'c', three)
      .when((counter) => counter.count(1))
      .thenAgain();
    given(Counter, 'c')
      .when((counter) => counter.count(11))
      .thenAgain();
  });
});

describe('an aggregate', () => {
  it('has identity, stream and revision, and keeps what it decided until it is recorded', () => {
    const counter = new Counter('c-1');
    expect([counter.stream, counter.revision, counter.exists]).toEqual(['counter-c-1', -1n, false]);
    counter.replay([three, three]);
    expect([counter.revision, counter.exists, counter.state]).toEqual([1n, true, 6]);
    counter.count(1);
    expect([counter.revision, counter.state, counter.decidedEvents.length]).toEqual([1n, 7, 1]);
    counter.markRecorded();
    expect([counter.revision, counter.decidedEvents.length]).toEqual([2n, 0]);
  });

  it('never checks an invariant on replay', () => {
    expect(new Counter('c').replay([three, three, three, three, three]).state).toBe(15);
  });

  it('refuses an invariant without a proper name', () => {
    expect(() => invariant({ name: 'Bad Name', kind: 'state', holds: () => true, reason: () => '' })).toThrow(
      /kebab-case/,
    );
  });
});
