// What the bank says of events that it cannot read: archived where it does not look, or written by newer code.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OpenDatabase, openDatabase } from '@concord/database';
import { EventStore, PostgresEventStore } from '@concord/event-store';
import { newId, type StreamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { type BankUnderTest, expectProblem, startBank, TENANT } from './bank-under-test.js';

let bank: BankUnderTest;
let elsewhere: OpenDatabase;
let store: PostgresEventStore;
let archiveFolder: string;

beforeAll(async () => {
  bank = await startBank();
  archiveFolder = await mkdtemp(join(tmpdir(), 'concord-archive-'));
  elsewhere = await openDatabase({ url: bank.databaseUrl, poolSize: 2 });
  store = new PostgresEventStore(elsewhere.database, { archiveFolder });
});
afterAll(async () => {
  await elsewhere.close();
  await bank.close();
  await rm(archiveFolder, { recursive: true });
});

const opened = { districtId: 1, currency: 'CZK', overdraftLimit: '0.00', openedOn: '2026-01-01' };
const booking = { amount: '1.00', balance: '1.00', occurredOn: '2026-01-01' };

/** As another instance would: this bank has not seen the account yet. */
async function appendElsewhere(stream: StreamName, metadata = {}): Promise<void> {
  const events = [
    { id: newId(), type: 'AccountOpened', data: opened },
    { id: newId(), type: 'MoneyDeposited', data: booking, metadata },
  ];
  await runInTenant(TENANT, () => store.append({ stream, expected: 'no-stream', events }));
}

const deposit = (account: string) => bank.post(`/v1/accounts/${account}/deposits`, { amount: '1.00' });
const withdrawByGraphql = async (account: string): Promise<unknown> => {
  const { body } = await bank.graphql(`mutation { withdraw(accountId: "${account}", amount: "1.00") { revision } }`);
  return body.errors[0].extensions.type;
};

it('503 while archived events cannot be read, and no path of the archive', async () => {
  await appendElsewhere('account-archived');
  await runInTenant(TENANT, () => store.archive({ upTo: 1_000_000n }));
  const answer = await deposit('archived');
  expectProblem(answer, 503, 'archive-unavailable');
  expect(JSON.stringify(answer.body)).not.toContain(archiveFolder);
  expect(await withdrawByGraphql('archived')).toBe('urn:concord:problem:archive-unavailable');
});

it('501 for what newer code has written', async () => {
  bank.app.get(EventStore, { strict: false }).useUpcasts([{ type: 'MoneyDeposited', from: 1, up: (old) => old }]);
  await appendElsewhere('account-newer', { eventVersion: 3 });
  const answer = await deposit('newer');
  expectProblem(answer, 501, 'event-from-newer-code');
  expect(answer.body).not.toHaveProperty('version');
  expect(await withdrawByGraphql('newer')).toBe('urn:concord:problem:event-from-newer-code');
});
