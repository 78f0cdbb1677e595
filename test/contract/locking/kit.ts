// Two processes' worth of lock services on one database, and what every test of them needs.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '@concord/database';
import type { Acquired, LockMode, LockOwner, LockService } from '@concord/locking';
import { newId, type StreamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';

export interface TwoServices {
  readonly url: string;
  /** Where the locks are, if that is not the database. */
  readonly redisUrl?: string;
  readonly a: LockService;
  readonly b: LockService;
  /** That in which the services' transactions run. */
  readonly databases: { readonly a: Database; readonly b: Database };
  close(): Promise<void>;
}

export interface LockStores {
  open(options?: { readonly leaseMs?: number; readonly poolSize?: number }): Promise<TwoServices>;
}

export const TENANT = 'tenant';
export const newStream = (): StreamName => `lock-${newId()}`;

/** What an acquire is about to come to, and whether it has. */
export interface Asked {
  readonly owner: LockOwner;
  readonly outcome: Promise<Acquired>;
  isOver: boolean;
}

/** Asks, as an owner of that service, and does not wait. */
export function ask(
  service: LockService,
  stream: StreamName | readonly StreamName[],
  mode: LockMode = 'X',
  { owner = service.begin(), waitMs = 20_000 }: { owner?: LockOwner; waitMs?: number } = {},
): Asked {
  const requests = [stream].flat().map((one) => ({ stream: one, mode }));
  const outcome = runInTenant(TENANT, () => service.acquire(owner, requests, { waitMs }));
  const asked: Asked = { owner, outcome, isOver: false };
  const over = (): void => {
    asked.isOver = true;
  };
  outcome.then(over, over);
  return asked;
}

/** Acquires, or fails the test. */
export async function hold(...[service, stream, mode, options]: Parameters<typeof ask>): Promise<LockOwner> {
  const asked = ask(service, stream, mode, options);
  const outcome = await asked.outcome;
  if (outcome.outcome === 'refused') throw outcome.error;
  return asked.owner;
}

export async function tokenOf({ outcome }: Asked): Promise<bigint> {
  const acquired = await outcome;
  if (acquired.outcome === 'refused') throw acquired.error;
  return acquired.locks[0]!.fencingToken;
}

/** Resolves when so many owners wait for the stream, as everybody can see. */
export async function waiting(service: LockService, stream: StreamName, count: number): Promise<void> {
  await until(`${count} waiting`, async () => {
    const waits = await service.waits();
    return new Set(waits.filter((wait) => wait.stream === stream).map(({ owner }) => owner)).size === count;
  });
}

export async function until(what: string, holds: () => Promise<boolean> | boolean, patienceMs = 30_000): Promise<void> {
  for (const deadline = Date.now() + patienceMs; !(await holds());) {
    if (Date.now() > deadline) throw new Error(`in vain: ${what}`);
    await sleep(10);
  }
}

export async function refusal({ outcome }: Asked): Promise<string> {
  const acquired = await outcome;
  return acquired.outcome === 'refused' ? acquired.error.code : 'granted';
}
