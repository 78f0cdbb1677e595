// The sliced projection of docs/how-to/write-a-projection.md, in two apps at once.
import { readFile } from 'node:fs/promises';
import { type DynamicModule, type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CommandingModule } from '@concord/commanding';
import { DatabaseModule } from '@concord/database';
import { EventStore, EventStoreModule } from '@concord/event-store';
import { newId } from '@concord/kernel';
import { Projections, ProjectionsModule, ReadModels } from '@concord/projections';
import { ConsumerGroups, ConsumerGroupsModule } from '@concord/subscriptions';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import { until } from '../fixtures/group-member.js';
import { BookLendingsRow, LendingsProjector, ReaderLendingsRow } from './lendings.js';

const GROUP = 'projection:library.lendings:1';
let database: TestDatabase;
const apps: INestApplicationContext[] = [];

@Module({})
class LendingsApp {
  static forDatabase(url: string): DynamicModule {
    return {
      module: LendingsApp,
      imports: [
        DatabaseModule.forRoot({ url, rows: [BookLendingsRow, ReaderLendingsRow] }),
        EventStoreModule.forRoot(),
        CommandingModule.forRoot(),
        ConsumerGroupsModule.forRoot(),
        ProjectionsModule.forRoot(),
      ],
      providers: [LendingsProjector],
    };
  }
}

beforeAll(async () => {
  database = await createTestDatabase();
  const tables = await readFile(new URL('lendings.sql', import.meta.url), 'utf8');
  await withClient(database.url, (client) => client.query(tables));
  for (let count = 0; count < 2; count += 1) {
    apps.push(await NestFactory.createApplicationContext(LendingsApp.forDatabase(database.url), { logger: false }));
  }
});
afterAll(async () => {
  await Promise.all(apps.map((app) => app.close()));
  await database.drop();
});

it('counts rows of one stream and rows that all streams share, and waits for an operator where it cannot', async () => {
  const [one, two] = apps as [INestApplicationContext, INestApplicationContext];
  const lend = async (book: string, reader: string): Promise<bigint> => {
    const event = { id: newId(), type: 'BookLent', data: { reader, lentOn: '2026-05-01' } };
    const request = { stream: `book-${book}`, expected: 'any', events: [event] } as const;
    const [appended] = await one.get(EventStore).append(request);
    return appended!.globalPosition;
  };
  await runInTenant('town', async () => {
    await until('slices for each', async () => {
      const { slices } = await one.get(ConsumerGroups).describe(GROUP);
      return new Set(slices.map(({ memberId }) => memberId)).size === 2;
    });
    let position = 0n;
    for (let book = 0; book < 40; book += 1) position = await lend(`b-${book % 20}`, book % 2 ? 'Ada' : 'Bob');
    expect(await two.get(Projections).waitFor('library.lendings', position, 20_000)).toBe(true);
    const read = async () => {
      const books = await BookLendingsRow.findBy({});
      const readers = await ReaderLendingsRow.findBy({ order: { reader: 'ASC' } });
      return [books.map(({ lendings }) => lendings), readers.map(({ reader, lendings }) => [reader, lendings])];
    };
    expect(await two.get(ReadModels).read(read)).toEqual([
      Array.from({ length: 20 }, () => 2),
      [
        ['Ada', 20],
        ['Bob', 20],
      ],
    ]);

    await lend('b-1', '');
    position = await lend('b-2', 'Ada');
    const groups = one.get(ConsumerGroups);
    await until('the parked event', async () => (await groups.parked(GROUP)).length === 1);
    const [parked] = await groups.parked(GROUP);
    expect(parked).toMatchObject({ stream: 'book-b-1', reason: 'Error: lent to nobody', attempts: 3 });
    expect(await two.get(Projections).waitFor('library.lendings', position, 100)).toBe(false);
    await groups.discard(GROUP, [parked!.eventId]);
    expect(await two.get(Projections).waitFor('library.lendings', position, 20_000)).toBe(true);
  });
});
