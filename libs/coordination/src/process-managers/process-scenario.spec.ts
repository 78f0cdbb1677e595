import { DomainCommand } from '@concord/commanding';
import type { DomainEvent, RecordedEvent } from '@concord/kernel';
import { ContinuesOn, OnApplied, OnRefused, OnTimer, ProcessManager, StartsOn } from './process-manager.js';
import { givenProcess } from './process-scenario.js';
import type { ProcessStep } from './process-step.js';

class Book extends DomainCommand<{ readonly seat: string }> {}
class Free extends DomainCommand<{ readonly seat: string }> {}
class Unknown extends DomainCommand<object> {}
type Asked = DomainEvent<'Asked', { readonly trip: string; readonly seat: string }>;
type Withdrawn = DomainEvent<'Withdrawn', { readonly trip: string }>;
interface State {
  readonly seat: string;
  readonly reminders: number;
}

@ProcessManager({ name: 'trip', commands: [Book, Free] })
class Trip {
  @StartsOn<Asked>('Asked', ({ data }) => data.trip)
  asked({ data: { seat } }: RecordedEvent<Asked>, process: ProcessStep<State>): void {
    process.become({ seat, reminders: 0 });
    process.send('book', new Book({ seat }), { compensation: new Free({ seat }) });
    process.after('15 minutes', 'remind');
  }

  @ContinuesOn<Withdrawn>('Withdrawn', ({ data }) => data.trip)
  withdrawn(_: RecordedEvent<Withdrawn>, process: ProcessStep<State>): void {
    process.cancel('remind');
    process.fail('it was withdrawn');
  }

  @OnApplied('book')
  booked(_: object, process: ProcessStep<State>): void {
    process.send('book again', new Book({ seat: `${process.state.seat}b` }));
  }

  @OnRefused('book again')
  full(_: object, process: ProcessStep<State>): void {
    process.complete();
  }

  @OnTimer('remind')
  remind(_: object, process: ProcessStep<State>): void {
    process.become({ ...process.state, reminders: process.state.reminders + 1 });
    process.after('1 hour', 'remind');
    if (process.state.reminders > 1) process.send('late', new Unknown({}));
  }
}

const asked: Asked = { type: 'Asked', data: { trip: 't-1', seat: '4' } };
const withdrawn: Withdrawn = { type: 'Withdrawn', data: { trip: 't-1' } };
const trip = (...happened: Parameters<typeof givenProcess>[2][]) => givenProcess<State>(new Trip(), 't-1', ...happened);

describe('given/when/then of process managers', () => {
  it('an event: commands with their compensations, timers, state', () => {
    trip()
      .when(asked)
      .thenState({ seat: '4', reminders: 0 })
      .thenSends({ step: 'book', command: new Book({ seat: '4' }), compensation: new Free({ seat: '4' }) })
      .thenTimers({ name: 'remind', after: '15 minutes' });
  });

  it('a timer, a command that was applied, one that was refused', () => {
    trip(asked)
      .when({ timer: 'remind' })
      .thenState({ seat: '4', reminders: 1 })
      .thenTimers({ name: 'remind', after: '1 hour' });
    trip(asked)
      .when({ applied: 'book' })
      .thenSends({ step: 'book again', command: new Book({ seat: '4b' }) })
      .thenTimers();
    trip(asked, { applied: 'book' }).when({ refused: 'book again', reason: 'full' }).thenCompletes().thenSends();
  });

  it('fails where nothing is said of a refusal, and undoes what was done', () => {
    trip(asked).when({ refused: 'book', reason: 'full' }).thenFails('book was refused: full');
    trip(asked, { applied: 'book' })
      .when(withdrawn)
      .thenFails(/withdrawn/, new Free({ seat: '4' }))
      .thenCancels('remind');
  });

  it('passes over what is nothing to it', () => {
    trip(asked).when(asked).thenNothing();
    trip(asked, withdrawn).when(withdrawn).thenNothing();
    trip().when(withdrawn).thenNothing();
  });

  it('what a method may not do is said', () => {
    trip(asked, { timer: 'remind' })
      .when({ timer: 'remind' })
      .thenThrows(/Unknown is not among the commands/);
  });

  it('tells a scenario that cannot be, and an expectation that does not hold', () => {
    expect(() => trip(asked).when({ applied: 'other' }).thenSends()).toThrow(/no command of step "other"/);
    expect(() => trip(asked).when({ timer: 'other' }).thenSends()).toThrow(/"other" is not set/);
    expect(() => trip(withdrawn)).toThrow(/passed over/);
    const other: Asked = { type: 'Asked', data: { trip: 't-2', seat: '4' } };
    expect(() => trip().when(other).thenSends()).toThrow(/not for the instance/);
    expect(() => trip().when(asked).thenSends()).toThrow(/deep/);
    expect(() => trip().when(asked).thenTimers({ name: 'remind', after: '16 minutes' })).toThrow(/deep/);
    expect(() => trip().when(asked).thenCompletes()).toThrow(/does not end/);
    expect(() => trip().when(asked).thenFails('x')).toThrow();
    expect(() =>
      trip(asked, { applied: 'book' })
        .when(withdrawn)
        .thenFails(/withdrawn/),
    ).toThrow(/deep/);
    expect(() => givenProcess(new Book({ seat: '' }), 'x')).toThrow(/no process manager/);
  });
});
