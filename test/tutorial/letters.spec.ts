import { readFile } from 'node:fs/promises';
import { Global, type INestApplicationContext, Injectable, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CommandBus } from '@nestjs/cqrs';
import { Database, openDatabase } from '@concord/database';
import { EventStore, EventStoreModule } from '@concord/event-store';
import { newId } from '@concord/kernel';
import { ConsumerGroup, ConsumerGroups, ConsumerGroupsModule, On } from '@concord/subscriptions';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import { until } from '../fixtures/group-member.js';
import { AcquireBook, LendBook } from './commands.js';
import { Letterbox, LetterWriter } from './letters.js';
import { LibraryApp } from './library.module.js';

const group = 'library.letters';
let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await database.drop();
});

@Module({ imports: [ConsumerGroupsModule.forRoot()], providers: [Letterbox, LetterWriter] })
class LettersModule {}

async function bootLibrary(): Promise<INestApplicationContext> {
  @Module({ imports: [LibraryApp.forDatabase(database.url), LettersModule] })
  class App {}
  return NestFactory.createApplicationContext(App, { logger: false });
}

const letters = (app: INestApplicationContext): Promise<{ book_id: string; text: string }[]> =>
  app.get(Database).query({ text: 'select book_id, text from library.letters order by book_id, text' });

it('writes a letter for each loan, once, and waits for an operator where it cannot', async () => {
  const app = await bootLibrary();
  const other = await bootLibrary();
  try {
    for (const file of ['loans.sql', 'letters.sql']) {
      await app.get(Database).query({ text: await readFile(new URL(file, import.meta.url), 'utf8') });
    }
    await runInTenant('town', async () => {
      const [bus, groups] = [app.get(CommandBus), other.get(ConsumerGroups)];
      const lend = async (bookId: string, reader: string): Promise<void> => {
        await bus.execute(new AcquireBook({ bookId, title: 'Emma' }));
        await bus.execute(new LendBook({ bookId, reader, lentOn: '2026-05-01' }));
      };
      await lend('b-1', 'Ada');
      await lend('b-2', 'Mr Nobody');
      await lend('b-3', 'Bob');
      await until('the parked event', async () => (await groups.parked(group)).length === 1);
      await until('the other letters', async () => (await letters(app)).length === 2);
      const [parked] = await groups.parked(group);
      expect(parked).toMatchObject({ stream: 'book-b-2', reason: 'Error: Mr Nobody has no address', attempts: 3 });

      await groups.discard(group, [parked!.eventId]);
      await app.get(EventStore).append({
        stream: 'book-b-2',
        expected: 'stream-exists',
        events: [{ id: newId(), type: 'BookReturned', data: { returnedOn: '2026-05-02' } }],
      });
      await until('the last letter', async () => (await letters(app)).length === 3);
      expect(await letters(app)).toEqual([
        { book_id: 'b-1', text: 'Dear Ada, enjoy your book. (attempt 1)' },
        { book_id: 'b-2', text: 'Thank you.' },
        { book_id: 'b-3', text: 'Dear Bob, enjoy your book. (attempt 1)' },
      ]);
      expect((await groups.describe(group)).members).toHaveLength(2);
    });
    await other.close();
    const { members } = await app.get(ConsumerGroups).describe(group);
    expect(members).toHaveLength(1);
  } finally {
    await Promise.all([app.close(), other.close().catch(() => undefined)]);
  }
});

describe('an app is not started', () => {
  /** Its database is closed here: an app that does not start calls no hooks. */
  const boot = async (...providers: Type[]): Promise<void> => {
    const opened = await openDatabase({ url: database.url });
    @Global()
    @Module({ providers: [{ provide: Database, useValue: opened.database }], exports: [Database] })
    class Opened {}
    @Module({ imports: [Opened, EventStoreModule.forRoot(), ConsumerGroupsModule.forRoot()], providers })
    class App {}
    try {
      const app = await NestFactory.createApplicationContext(App, { logger: false, abortOnError: false });
      await app.close();
    } finally {
      await opened.close();
    }
  };

  @ConsumerGroup({ name: 'one', delivery: 'at-least-once' })
  class One {
    @On('A')
    async a(): Promise<void> {}
  }
  @ConsumerGroup({ name: 'one', delivery: 'at-least-once' })
  class Twin {
    @On('A')
    async a(): Promise<void> {}
  }
  @ConsumerGroup({ name: 'idle', delivery: 'at-least-once' })
  class Idle {}
  @ConsumerGroup({ name: 'none', delivery: 'at-least-once', slices: 0 })
  class Sliceless {
    @On('A')
    async a(): Promise<void> {}
  }
  @Injectable()
  class Plain {}

  it('with two groups of one name, or one that handles nothing', async () => {
    await boot(One, Plain);
    await expect(boot(One, Twin)).rejects.toThrow('two consumer groups are called "one"');
    await expect(boot(Idle)).rejects.toThrow('Idle handles nothing');
  });

  it('with a group that cannot be joined, and has left the others by then', async () => {
    await expect(boot(One, Sliceless)).rejects.toThrow('slices of a consumer group is a whole number');
    await withClient(database.url, async (client) => {
      const { rows } = await client.query(
        `select (select count(*)::int from concord.consumer_groups) as groups,
                (select count(*)::int from concord.group_members) as members`,
      );
      expect(rows).toEqual([{ groups: 1, members: 0 }]);
    });
  });

  it('with two methods for one event type', () => {
    expect(() => {
      class Double {
        @On('A')
        async a(): Promise<void> {}
        @On('A')
        async b(): Promise<void> {}
      }
      return Double;
    }).toThrow('A has two methods, a and b');
  });
});
