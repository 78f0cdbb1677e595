import { readFile } from 'node:fs/promises';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CommandBus } from '@nestjs/cqrs';
import { Database } from '@concord/database';
import { InvariantBroken } from '@concord/domain';
import { Projections, ReadModels } from '@concord/projections';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { AcquireBook, LendBook } from './commands.js';
import { LibraryApp } from './library.module.js';
import { LoanRow } from './loans.js';

let database: TestDatabase;
let app: INestApplicationContext;

beforeAll(async () => {
  database = await createTestDatabase();
  app = await NestFactory.createApplicationContext(LibraryApp.forDatabase(database.url), { logger: false });
  await app.get(Database).query({ text: await readFile(new URL('loans.sql', import.meta.url), 'utf8') });
});
afterAll(async () => {
  await app.close();
  await database.drop();
});

it('lends a book, shows the loan, and rebuilds it to the same digest', async () => {
  await runInTenant('town', async () => {
    const bus = app.get(CommandBus);
    await bus.execute(new AcquireBook({ bookId: 'b-1', title: 'Emma' }));
    const { position = 0n } = await bus.execute(new LendBook({ bookId: 'b-1', reader: 'Ada', lentOn: '2026-05-01' }));

    const projections = app.get(Projections);
    await projections.waitFor('library.loans', position, 5000);
    const loan = await app.get(ReadModels).read(() => LoanRow.find({ bookId: 'b-1' }));
    expect(loan).toMatchObject({ title: 'Emma', reader: 'Ada', isLent: true });

    const again = bus.execute(new LendBook({ bookId: 'b-1', reader: 'Bob', lentOn: '2026-05-02' }));
    await expect(again).rejects.toThrow(InvariantBroken);

    const before = await projections.digest('library.loans');
    await projections.rebuild('library.loans');
    expect(await projections.digest('library.loans')).toBe(before);
  });
});
