// Two stores, the databases they are on, and coordinators as several processes would have them.
import { openDatabase, type Database } from '@concord/database';
import { type Participant, PostgresParticipant, TransactionCoordinator } from '@concord/coordination';
import { PostgresEventStore } from '@concord/event-store';
import { PostgresLockService } from '@concord/locking';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase } from '@concord/testing';
import { Purse } from './purse.js';

export const TENANT = 'pursers';

/** One store of a process. */
export interface OpenStore {
  readonly database: Database;
  readonly store: PostgresEventStore;
  readonly locks: PostgresLockService;
  readonly participant: PostgresParticipant;
}

/** What a process has: both stores, and a coordinator whose log is beside the first. */
export interface Side {
  readonly a: OpenStore;
  readonly b: OpenStore;
  readonly coordinator: TransactionCoordinator;
  close(): Promise<void>;
}

export type SideOptions = Partial<
  Omit<ConstructorParameters<typeof TransactionCoordinator>[0], 'database' | 'participants'>
> & {
  readonly others?: readonly Participant<never>[];
  readonly poolSize?: number;
};

export async function openSide(urls: readonly [string, string], options: SideOptions = {}): Promise<Side> {
  const { others = [], poolSize = 8, ...settings } = options;
  const [a, b] = [await openStore('a', urls[0], poolSize), await openStore('b', urls[1], poolSize)];
  const participants = [a.participant, b.participant, ...others];
  const coordinator = new TransactionCoordinator({ database: a.database, participants, ...settings });
  const close = async (): Promise<void> => {
    await coordinator.stop();
    await Promise.all([a, b].map((one) => one.close()));
  };
  return { a, b, coordinator, close };
}

export async function openStore(
  name: string,
  url: string,
  poolSize = 8,
): Promise<OpenStore & { close(): Promise<void> }> {
  const opened = await openDatabase({ url, poolSize });
  const { database } = opened;
  const store = new PostgresEventStore(database);
  const locks = new PostgresLockService(database, { leaseMs: 2000 });
  const participant = new PostgresParticipant({ name, database, store, locks });
  const close = async (): Promise<void> => {
    await locks.close();
    await store.close();
    await opened.close();
  };
  return { database, store, locks, participant, close };
}

export interface TestStores {
  readonly urls: readonly [string, string];
  drop(): Promise<void>;
}

export async function twoDatabases(): Promise<TestStores> {
  const [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  const drop = async (): Promise<void> => {
    await Promise.all([one.drop(), other.drop()]);
  };
  return { urls: [one.url, other.url], drop };
}

export const inTenant = <T>(work: () => Promise<T>): Promise<T> => runInTenant(TENANT, work);

/** Moves money from a purse of the one store to a purse of the other. */
export function transfer(
  { coordinator }: Pick<Side, 'coordinator'>,
  amount: bigint,
  { from = '1', to = '1', id }: { from?: string; to?: string; id?: string } = {},
) {
  return inTenant(() =>
    coordinator.transaction(
      async (transaction) => {
        const payer = await transaction.store('a').load(Purse, from);
        const payee = await transaction.store('b').load(Purse, to);
        payer.move(-amount);
        payee.move(amount);
      },
      { ...(id !== undefined && { id }) },
    ),
  );
}

/** Puts money into a purse of a store. */
export function fill({ coordinator }: Pick<Side, 'coordinator'>, store: string, id: string, amount: bigint) {
  return inTenant(() =>
    coordinator.transaction(async (transaction) => (await transaction.store(store).load(Purse, id)).move(amount)),
  );
}

/** What is in both purses, read as a serializable reader does: under shared locks, valid to the end. */
export async function audit({ coordinator }: Pick<Side, 'coordinator'>, ...ids: string[]): Promise<bigint[]> {
  const read = await inTenant(() =>
    coordinator.transaction(async (transaction) => {
      const amounts: bigint[] = [];
      for (const id of ids) {
        amounts.push((await transaction.store('a').read(Purse, id)).state);
        amounts.push((await transaction.store('b').read(Purse, id)).state);
      }
      return amounts;
    }),
  );
  if (read.outcome === 'repeated') throw new Error('a read is no repeat');
  return read.value;
}

/** What is in the events of a store, committed, locks or not. */
export async function eventsOf({ store }: OpenStore, id: string): Promise<bigint[]> {
  const events = await inTenant(() => Array.fromAsync(store.readStream(`purse-${id}`)));
  return events.map(({ data }) => BigInt((data as { amount: string }).amount));
}

export async function preparedLocks({ locks }: OpenStore): Promise<string[]> {
  return (await locks.locks()).filter(({ prepared }) => prepared).map(({ stream }) => stream);
}
