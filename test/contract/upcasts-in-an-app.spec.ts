// Upcasts of a context in a running app: events that were stored long ago, as raw SQL, reach aggregates and projectors in
// their present form, and the rows in the table stay as they were.
import { CommandHandler } from '@nestjs/cqrs';
import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Aggregates, CommandingModule, DomainCommand, type Handles } from '@concord/commanding';
import { Database, DatabaseModule } from '@concord/database';
import { AggregateRoot, type Upcast } from '@concord/domain';
import { EventStore, EventStoreModule } from '@concord/event-store';
import { type DomainEvent, newId, type RecordedEvent } from '@concord/kernel';
import { Consumer } from '@concord/subscriptions';
import { On, Projection, Projections, ProjectionsModule } from '@concord/projections';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { CommandBus } from '@nestjs/cqrs';

type Renamed = DomainEvent<'MemberRenamed', { first: string; last: string }>;
const projected: string[] = [];

class Member extends AggregateRoot<Renamed, { name: string }> {
  static readonly category = 'member';
  protected initialState = () => ({ name: '' });
  protected evolve = (_: { name: string }, { data }: Renamed) => ({ name: `${data.last}, ${data.first}` });
}
class ShowName extends DomainCommand<{ id: string }, string> {}

@CommandHandler(ShowName)
@Injectable()
class ShowNameHandler implements Handles<ShowName> {
  constructor(private readonly aggregates: Aggregates) {}
  async execute(command: ShowName): Promise<string> {
    return (await this.aggregates.load(Member, command.order.id)).state.name;
  }
}

@Projection({ name: 'names', version: 1, categories: ['member'], consistency: 'async', rows: [] })
class NamesProjector {
  @On<Renamed>('MemberRenamed')
  async onRenamed({ data }: RecordedEvent<Renamed>): Promise<void> {
    projected.push(`${data.first}/${data.last}`);
    return Promise.resolve();
  }
}

const upcasts: Upcast[] = [
  {
    type: 'Renamed',
    from: 1,
    becomes: 'MemberRenamed',
    up: ({ name }: { name: string }) => ({ first: name.split(' ')[0], last: name.split(' ')[1] }),
  },
];

@Module({
  imports: [CommandingModule.forContext([ShowName]), EventStoreModule.forContext({ upcasts })],
  providers: [ShowNameHandler, NamesProjector],
})
class MembersModule {}

let testDatabase: TestDatabase;
beforeAll(async () => (testDatabase = await createTestDatabase()));
afterAll(() => testDatabase.drop());

const appOf = (...contexts: object[]) =>
  Test.createTestingModule({
    imports: [
      DatabaseModule.forRoot({ url: testDatabase.url }),
      EventStoreModule.forRoot(),
      CommandingModule.forRoot(),
      ProjectionsModule.forRoot(),
      ...(contexts as never[]),
    ],
  }).compile();

describe('upcasts in an app', () => {
  it('reach aggregates, projections and subscriptions', async () => {
    const app = await appOf(MembersModule);
    const database = app.get(Database);
    const data = '{"name" :  "Ada Lovelace"}';
    const appends = `[{"stream": "member-1", "expected": "any", "events": [{"id": "${newId()}", "type": "Renamed", "data": ${data}}]}]`;
    await database.queryOutside({ text: `select * from concord.append('t-1', $1)` }, [appends]);
    const stored = { text: `select event_type, data::text as data, metadata from concord.events` };
    const before = await database.queryOutside(stored);
    expect(before).toEqual([{ event_type: 'Renamed', data, metadata: {} }]);
    await app.init();
    await runInTenant('t-1', async () => {
      const outcome = await app.get(CommandBus).execute(new ShowName({ id: '1' }));
      expect(outcome.value).toBe('Lovelace, Ada');
      const position = await app.get(EventStore).lastPosition();
      expect(await app.get(Projections).waitFor('names', position, 10_000)).toBe(true);
    });
    expect(projected).toEqual(['Ada/Lovelace']);
    const heard: unknown[] = [];
    const handle = (events: readonly RecordedEvent[]): Promise<void> => {
      heard.push(...events.map(({ type, data }) => ({ type, data })));
      return Promise.resolve();
    };
    const consumer = new Consumer(app.get(EventStore), database, { name: 'heard', types: ['MemberRenamed'], handle });
    consumer.start();
    const { seen } = consumer.advanced;
    if (heard.length === 0) await consumer.advanced.wait(seen, 10_000);
    await consumer.stop();
    expect(heard).toEqual([{ type: 'MemberRenamed', data: { first: 'Ada', last: 'Lovelace' } }]);
    expect(await database.queryOutside(stored)).toEqual(before);
    await app.close();
  });

  it('stop the start when a chain has a gap', async () => {
    const late: Upcast[] = [{ type: 'Renamed', from: 3, up: (data) => data }];
    const app = await appOf(MembersModule, EventStoreModule.forContext({ upcasts: late }));
    const started = app.init().finally(() => app.close());
    await expect(started).rejects.toThrow(/Renamed have a gap: none leads to version 3/);
  });
});
