// The importer on a real database: what becomes of rows, in one run and in several.
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CommandBus } from '@nestjs/cqrs';
import { EventStore } from '@concord/event-store';
import { ReadModels } from '@concord/projections';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { type Files, importFolderOf, removeImportFolders } from '../../../../../test/fixtures/import/import-folder.js';
import { BankModule } from '../../bank.module.js';
import { ChangeOverdraftLimit, CloseAccount, OpenAccount, WithdrawMoney } from '../../ledger/application/index.js';
import { AccountRow } from '../../ledger/read-models/accounts/account.row.js';
import { importFolder } from './import-folder.js';
import type { ImportOptions } from './import-options.js';
import { ImportSource } from './import-source.js';

let database: TestDatabase;
let app: INestApplicationContext;
let tenants = 0;
let tenant: string;

beforeAll(async () => {
  database = await createTestDatabase();
  const bank = BankModule.forRoot({ url: database.url, runProjections: false });
  app = await NestFactory.createApplicationContext(bank, { logger: false, abortOnError: false });
});
afterAll(async () => {
  await app.close();
  await database.drop();
  removeImportFolders();
});
beforeEach(() => (tenant = `import-${(tenants += 1)}`));

const account = '1,1,monthly,2024-01-01';
const credit = (id: number, amount: string): string => `${id},1,2024-01-02,credit,cash,${amount},,,,`;
const debit = (id: number, amount: string): string => `${id},1,2024-01-03,debit,cash,${amount},,,,`;

/** Answers `imported/present/refused` of the three files, and the refusals as they are printed. */
async function run(files: Partial<Files>, options: Partial<ImportOptions> = {}): Promise<[string, ...string[]]> {
  const source = await ImportSource.open(importFolderOf(files));
  const refusals: string[] = [];
  const onRefused = (each: { file: string; line: number; reason: string }): void =>
    void refusals.push(`${each.file}:${each.line}: ${each.reason}`);
  const settings = { currency: 'CZK', concurrency: 4, onRefused, ...options };
  const { files: done } = await runInTenant(tenant, async () =>
    importFolder(app, source, await source.survey(), settings),
  );
  return [done.map(({ tally: t }) => `${t.imported}/${t.present}/${t.refused}`).join(' '), ...refusals];
}

const send = (command: Parameters<CommandBus['execute']>[0]): Promise<unknown> =>
  runInTenant(tenant, () => app.get(CommandBus).execute(command));
const row = async (accountId = '1'): Promise<AccountRow> =>
  (await runInTenant(tenant, () => app.get(ReadModels).read(() => AccountRow.find({ accountId }))))!;

async function eventTypes(): Promise<string[]> {
  return runInTenant(tenant, async () =>
    (await Array.fromAsync(app.get(EventStore).readStream('account-1'))).map(({ type }) => type),
  );
}

describe('an import', () => {
  it('opens an account with just the overdraft that its rows need', async () => {
    await run({ accounts: [account], transactions: [credit(1, '10.00'), debit(2, '25.50'), credit(3, '100.00')] });
    expect(await row()).toMatchObject({ balance: 8450n, overdraftLimit: 1550n, currency: 'CZK' });
    expect(await eventTypes()).toEqual(['AccountOpened', 'MoneyDeposited', 'MoneyWithdrawn', 'MoneyDeposited']);
  });

  it('that is repeated adds nothing', async () => {
    const files = { districts: ['1,A,B,1'], accounts: [account], transactions: [credit(1, '1.00'), debit(2, '3.00')] };
    expect(await run(files)).toEqual(['1/0/0 1/0/0 2/0/0']);
    expect(await run(files)).toEqual(['0/1/0 0/1/0 0/2/0']);
    expect(await eventTypes()).toHaveLength(3);
  });

  it('of a longer file raises the overdraft limit first, and never lowers it', async () => {
    await run({ accounts: [account], transactions: [debit(1, '1.00')] });
    expect(await run({ accounts: [account], transactions: [debit(1, '1.00'), debit(2, '4.00')] })).toEqual([
      '0/0/0 0/1/0 1/1/0',
    ]);
    expect(await row()).toMatchObject({ balance: -500n, overdraftLimit: 500n });
    await run({ accounts: [account], transactions: [credit(3, '9.00')] });
    expect(await row()).toMatchObject({ balance: 400n, overdraftLimit: 500n });
  });

  it('leaves a limit alone that was changed since, when there is nothing to book', async () => {
    const files = { accounts: [account], transactions: [debit(1, '5.00'), credit(2, '5.00')] };
    await run(files);
    await send(new ChangeOverdraftLimit({ accountId: '1', overdraftLimit: 0n }));
    expect(await run(files)).toEqual(['0/0/0 0/1/0 0/2/0']);
    expect((await row()).overdraftLimit).toBe(0n);
  });

  it('refuses rows that break an invariant, and goes on', async () => {
    await run({ accounts: [account], transactions: [credit(1, '10.00')] });
    await send(new WithdrawMoney({ accountId: '1', amount: 1000n, occurredOn: '2024-01-02' }));
    const transactions = [credit(1, '10.00'), debit(2, '4.00'), credit(3, '1.00')];
    expect(await run({ accounts: [account], transactions })).toEqual([
      '0/0/0 0/1/0 1/1/1',
      'transactions.csv:3: the balance would be -4.00, below the overdraft limit of 0.00',
    ]);
    await send(new WithdrawMoney({ accountId: '1', amount: 100n, occurredOn: '2024-01-02' }));
    await send(new CloseAccount({ accountId: '1', closedOn: '2024-01-04' }));
    expect(await run({ accounts: [account], transactions: [credit(4, '1.00')] })).toEqual([
      '0/0/0 0/1/0 0/0/1',
      'transactions.csv:2: the account is closed',
    ]);
  });

  it('refuses rows whose id was imported with another content', async () => {
    const files = { districts: ['1,A,B,1'], accounts: [account], transactions: [credit(1, '1.00'), credit(2, '2.00')] };
    await run(files);
    const changed = 'its id was imported before with another content';
    const [tally, ...refusals] = await run({
      districts: ['1,A,C,1'],
      accounts: [account.replace('01-01', '01-02')],
      transactions: [credit(1, '1.01'), credit(2, '2.00')],
    });
    expect(tally).toBe('0/0/1 0/0/1 0/1/1');
    expect(refusals).toEqual([
      expect.stringContaining(`districts.csv:2: ${changed}`),
      expect.stringContaining(`accounts.csv:2: ${changed}`),
      expect.stringContaining(`transactions.csv:2: ${changed}`),
    ]);
    expect(await run(files, { currency: 'EUR' })).toEqual(['0/1/0 0/0/1 0/2/0', expect.stringContaining(changed)]);
  });

  it('refuses rows of accounts that are not there, or were refused', async () => {
    await send(
      new OpenAccount({ accountId: '1', districtId: 1, currency: 'CZK', overdraftLimit: 0n, openedOn: '2024-01-01' }),
    );
    const transactions = [
      credit(1, '1.00'),
      credit(2, '1.00').replace(',1,', ',2,'),
      credit(3, '1.00').replace(',1,', ',3,'),
    ];
    expect(await run({ accounts: [account, '3,1,monthly,never'], transactions })).toEqual([
      '0/0/0 0/0/2 0/0/3',
      'accounts.csv:3: opened_on "never" is no day: write it as 1993-12-31',
      'accounts.csv:2: the account has been opened already',
      expect.stringMatching(/^transactions.csv:\d: account \d /),
      expect.stringMatching(/^transactions.csv:\d: account \d /),
      expect.stringMatching(/^transactions.csv:\d: account \d /),
    ]);
    expect(await eventTypes()).toEqual(['AccountOpened']);
  });

  it('takes malformed rows out of the overdraft that it grants', async () => {
    const [tally] = await run({
      accounts: [account],
      transactions: [debit(1, '5.00'), debit(2, '-9.00'), debit(1, '7.00')],
    });
    expect(tally).toBe('0/0/0 1/0/0 1/0/2');
    expect((await row()).overdraftLimit).toBe(500n);
  });

  it('adds the largest amounts without losing a hundredth', async () => {
    const largest = '999999999999999.99';
    await run({ accounts: [account], transactions: [credit(1, largest), credit(2, largest), debit(3, '0.01')] });
    expect((await row()).balance).toBe(2n * 99_999_999_999_999_999n - 1n);
  });

  it('stops between two rows, and a new one goes on', async () => {
    const controller = new AbortController();
    const transactions = Array.from({ length: 40 }, (_, index) => credit(index + 1, '1.00'));
    const files = { accounts: [account], transactions };
    const onProgress = (rows: number): void => {
      if (rows === 10) controller.abort();
    };
    const [tally] = await run(files, { signal: controller.signal, onProgress });
    expect(tally).not.toContain(' 40/0/0');
    const stopped = (await row()).balance;
    expect(stopped).toBeLessThan(4000n);
    const [after] = await run(files);
    expect(after).toBe(`0/0/0 0/1/0 ${40 - Number(stopped) / 100}/${Number(stopped) / 100}/0`);
    expect((await row()).balance).toBe(4000n);
  });
});
