import { fileURLToPath } from 'node:url';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CommandBus } from '@nestjs/cqrs';
import { ReadModels } from '@concord/projections';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { BankModule } from '../bank.module.js';
import { CsvFile } from '../cli/import/csv-file.js';
import { transactionForm } from '../cli/import/forms.js';
import { importFolder } from '../cli/import/import-folder.js';
import { ImportSource } from '../cli/import/import-source.js';
import { sumFile } from '../cli/verify/file-sums.js';
import { RegisterDistrict } from '../ledger/application/index.js';
import { AccountRow } from '../ledger/read-models/accounts/account.row.js';
import { loadSampleOnFirstStart, SAMPLE_TENANT } from './load-sample.js';

const FOLDER = fileURLToPath(new URL('../../sample/', import.meta.url));
const ROWS = 5 + 12 + 174;
const { CONCORD_SAMPLE, DATABASE_URL } = process.env;

let database: TestDatabase;
let app: INestApplicationContext;

beforeEach(async () => {
  delete process.env['CONCORD_SAMPLE'];
  delete process.env['DATABASE_URL'];
  database = await createTestDatabase();
  app = await NestFactory.createApplicationContext(BankModule.forRoot({ url: database.url }), {
    logger: false,
    abortOnError: false,
  });
});
afterEach(async () => {
  await app.close();
  await database.drop();
});
afterAll(() => Object.assign(process.env, CONCORD_SAMPLE && { CONCORD_SAMPLE }, DATABASE_URL && { DATABASE_URL }));

const balances = (): Promise<bigint[]> =>
  runInTenant(SAMPLE_TENANT, () =>
    app.get(ReadModels).read(async () => (await AccountRow.findBy({})).map(({ balance }) => balance)),
  );

it('the sample has right running balances, and one account below zero', async () => {
  const sums = await sumFile(await CsvFile.open(FOLDER, transactionForm));
  expect(sums).toMatchObject({ rows: 174, malformed: 0, gaps: 0 });
  const { overdrafts } = await (await ImportSource.open(FOLDER)).survey();
  expect([...overdrafts.keys()]).toEqual(['107']);
});

it('is loaded at the first start, and not again', async () => {
  expect(await loadSampleOnFirstStart(app)).toEqual({ loaded: true, rows: ROWS, refused: 0 });
  expect(await loadSampleOnFirstStart(app)).toEqual({ loaded: false, because: 'complete' });
  expect(await balances()).toHaveLength(12);
});

it('is completed after a load that was cut off', async () => {
  const controller = new AbortController();
  const source = await ImportSource.open(FOLDER);
  const onProgress = (rows: number): void => {
    if (rows === 60) controller.abort();
  };
  const options = { currency: 'CZK', concurrency: 12, signal: controller.signal, onProgress };
  await runInTenant(SAMPLE_TENANT, async () => importFolder(app, source, await source.survey(), options));
  const outcome = await loadSampleOnFirstStart(app);
  expect(outcome).toMatchObject({ loaded: true, refused: 0 });
  expect(outcome.loaded && outcome.rows).toBeLessThan(ROWS - 50);
  expect(await loadSampleOnFirstStart(app)).toEqual({ loaded: false, because: 'complete' });
});

it('leaves a tenant alone that has data of its own', async () => {
  const facts = { districtId: 1, name: 'Mine', region: 'Mine', inhabitants: 1 };
  await runInTenant(SAMPLE_TENANT, () => app.get(CommandBus).execute(new RegisterDistrict(facts)));
  expect(await loadSampleOnFirstStart(app)).toEqual({ loaded: false, because: 'tenant-in-use' });
});

it.each([
  ['off', undefined, false],
  ['off', 'postgres://mine', false],
  [undefined, 'postgres://mine', false],
  ['on', 'postgres://mine', true],
  [undefined, undefined, true],
])('with CONCORD_SAMPLE %s and DATABASE_URL %s it is loaded: %s', async (wish, url, loaded) => {
  if (wish) process.env['CONCORD_SAMPLE'] = wish;
  if (url) process.env['DATABASE_URL'] = url;
  expect((await loadSampleOnFirstStart(app)).loaded).toBe(loaded);
});
