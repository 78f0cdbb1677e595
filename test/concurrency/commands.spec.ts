// Commands on PostgreSQL from two processes' worth of connections: money is constant, limits hold, ids apply once.
import { NestFactory } from '@nestjs/core';
import { CommandBus } from '@nestjs/cqrs';
import type { INestApplicationContext } from '@nestjs/common';
import { Database } from '@concord/database';
import { InvariantBroken } from '@concord/domain';
import { EventStore } from '@concord/event-store';
import { newId } from '@concord/kernel';
import { Projections, ReadModels } from '@concord/projections';
import { runInTenant } from '@concord/tenancy';
import { BankModule } from '../../apps/bank/src/bank.module.js';
import {
  DepositMoney,
  OpenAccount,
  TransferMoney,
  WithdrawMoney,
} from '../../apps/bank/src/ledger/application/index.js';
import { AccountRow } from '../../apps/bank/src/ledger/read-models/accounts/account.row.js';
import { createTestDatabase, type TestDatabase } from '@concord/testing';

const TENANT = 'money';
const occurredOn = '2026-01-01';
let testDatabase: TestDatabase;
let apps: INestApplicationContext[];

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const boot = () =>
    NestFactory.createApplicationContext(BankModule.forRoot({ url: testDatabase.url }), { logger: false });
  apps = [await boot(), await boot()];
});
afterAll(async () => {
  await Promise.all(apps.map((app) => app.close()));
  await testDatabase.drop();
});

const bus = (index: number): CommandBus => apps[index % 2]!.get(CommandBus);
const inTenant = (work: () => Promise<void>) => () => runInTenant(TENANT, work);
async function open(balance: bigint, overdraftLimit = 0n): Promise<string> {
  const accountId = newId();
  await bus(0).execute(
    new OpenAccount({ accountId, districtId: 1, currency: 'CZK', overdraftLimit, openedOn: occurredOn }),
  );
  if (balance > 0n) await bus(1).execute(new DepositMoney({ accountId, amount: balance, occurredOn }));
  return accountId;
}
const balanceOf = (accountId: string): Promise<bigint> =>
  apps[0]!.get(ReadModels).read(async () => (await AccountRow.find({ accountId }))!.balance);

describe('commands of two processes', () => {
  it(
    'all take effect, one after the other',
    inTenant(async () => {
      const accountId = await open(0n);
      await Promise.all(
        Array.from({ length: 60 }, (_, index) =>
          bus(index).execute(new DepositMoney({ accountId, amount: 1n, occurredOn })),
        ),
      );
      expect(await balanceOf(accountId)).toBe(60n);
    }),
  );

  it(
    'never take an account below its limit',
    inTenant(async () => {
      const accountId = await open(1000n, 500n);
      const results = await Promise.allSettled(
        Array.from({ length: 20 }, (_, index) =>
          bus(index).execute(new WithdrawMoney({ accountId, amount: 100n, occurredOn })),
        ),
      );
      const refused = results.filter((result) => result.status === 'rejected');
      expect(refused).toHaveLength(5);
      for (const { reason } of refused) expect(reason).toBeInstanceOf(InvariantBroken);
      expect(await balanceOf(accountId)).toBe(-500n);
    }),
  );

  it(
    'transfer in every direction at once, and money is constant',
    inTenant(async () => {
      const accounts = await Promise.all([1000n, 1000n, 1000n].map((balance) => open(balance)));
      const results = await Promise.allSettled(
        Array.from({ length: 60 }, (_, index) => {
          const [from, to] = [accounts[index % 3]!, accounts[(index + 1 + (index % 2)) % 3]!];
          return bus(index).execute(new TransferMoney({ from, to, transferId: newId(), amount: 7n, occurredOn }));
        }),
      );
      expect(results.filter((result) => result.status === 'rejected')).toEqual([]);
      const balances = await Promise.all(accounts.map(balanceOf));
      expect(balances.reduce((sum, balance) => sum + balance)).toBe(3000n);
    }),
  );

  it(
    'apply a command id once, sent to both at once, though the second would break an invariant',
    inTenant(async () => {
      const accountId = await open(100n);
      const command = new WithdrawMoney({ accountId, amount: 100n, occurredOn }, newId());
      const outcomes = await Promise.all(Array.from({ length: 20 }, (_, index) => bus(index).execute(command)));
      expect(outcomes.filter((outcome) => !outcome.repeated)).toHaveLength(1);
      expect(new Set(outcomes.map((outcome) => outcome.position))).toHaveProperty('size', 1);
      expect(await balanceOf(accountId)).toBe(0n);
    }),
  );

  it(
    'leave one agreed order: each balance follows from the one before it, and read models follow from the events',
    inTenant(async () => {
      const { events } = await apps[1]!.get(EventStore).readFeed({ categories: ['account'], limit: 10_000 });
      const balances = new Map<string, bigint>();
      for (const { type, data, stream } of events) {
        const { amount, balance } = data as { amount?: string; balance?: string };
        if (amount === undefined || balance === undefined) continue;
        const change = BigInt(amount.replace('.', '')) * (/Deposited|Received/.test(type) ? 1n : -1n);
        const next = (balances.get(stream) ?? 0n) + change;
        expect(BigInt(balance.replace('.', ''))).toBe(next);
        balances.set(stream, next);
      }
      expect(balances.size).toBeGreaterThan(5);
      const projections = apps[0]!.get(Projections);
      for (const { name } of projections.all) {
        await projections.waitFor(name, events.at(-1)!.globalPosition, 10_000);
        const kept = await projections.digest(name, TENANT);
        await projections.rebuild(name, { tenantId: TENANT });
        expect([name, await projections.digest(name, TENANT)]).toEqual([name, kept]);
      }
      // The digest is over all row classes of a projection, and a rebuild mends all of them.
      const kept = await projections.digest('ledger.totals', TENANT);
      for (const table of ['account_homes', 'district_totals']) {
        await apps[0]!.get(Database).query({ text: `delete from bank.${table}` });
        expect(await projections.digest('ledger.totals', TENANT)).not.toBe(kept);
        await projections.rebuild('ledger.totals', { tenantId: TENANT });
        expect(await projections.digest('ledger.totals', TENANT)).toBe(kept);
      }
    }),
  );
});
