// A handler that is not pure until it commits is found out, whichever way it is not.
import { Aggregates, CommandPipeline, DomainCommand } from '@concord/commanding';
import { type OpenDatabase, openDatabase } from '@concord/database';
import { AggregateRoot } from '@concord/domain';
import { PostgresEventStore } from '@concord/event-store';
import { type DomainEvent, newId } from '@concord/kernel';
import { assertPure, createTestDatabase, type TestDatabase } from '@concord/testing';
import { runInTenant } from '@concord/tenancy';

type Noted = DomainEvent<'Noted', { text: string }>;
class Note extends AggregateRoot<Noted, string> {
  static readonly category = 'note';
  write(text: string): void {
    this.record({ type: 'Noted', data: { text } });
  }
  protected override initialState = (): string => '';
  protected override evolve = (_: string, { data }: Noted): string => data.text;
}
class Write extends DomainCommand<string, unknown> {}

let created: TestDatabase;
let opened: OpenDatabase;
let pipeline: CommandPipeline;
beforeAll(async () => {
  created = await createTestDatabase();
  opened = await openDatabase({ url: created.url });
  pipeline = new CommandPipeline(new PostgresEventStore(opened.database));
  await opened.database.query({ text: 'create table remarks (text text)' });
});
afterAll(async () => {
  await opened.close();
  await created.drop();
});

const check = (handle: (note: Note) => unknown, mayWrite = false) =>
  runInTenant(`t-${newId()}`, () =>
    assertPure(
      opened.database,
      () =>
        pipeline.run(new Write('x'), async () => {
          const note = await new Aggregates().load(Note, 'n');
          return handle(note);
        }),
      { mayWrite },
    ),
  );
const remark = () => opened.database.query({ text: `insert into remarks values ('x')` });
const remarks = () => opened.database.query({ text: 'select from remarks' });

describe('assertPure', () => {
  it('is content with a handler that decides the same each time, refusals included, and commits nothing', async () => {
    await check((note) => note.write('same'));
    await check(() => {
      throw new Error('refused');
    });
    expect((await opened.database.query({ text: 'select from concord.events' })).length).toBe(0);
  });

  it.each([
    ['other events', (note: Note) => note.write(newId())],
    ['another value', () => newId()],
    ['another error', () => Promise.reject(new Error(newId()))],
  ])('finds out one that comes to %s', async (_, handle) => {
    await expect(check(handle)).rejects.toThrow('time, ids and chance arrive in the command');
  });

  it('finds out one that writes to the database, unless that is meant; neither leaves a row', async () => {
    await expect(check(remark)).rejects.toThrow('the handler writes to the database');
    await check(async () => {
      await remark();
    }, true);
    expect(await remarks()).toEqual([]);
  });

  it('wants a command', async () => {
    await expect(assertPure(opened.database, () => Promise.resolve())).rejects.toThrow('no command was sent');
  });
});
