// Locks on Redis as an operator sees them. What is prepared is what the database says.
import type { ListedLock, LockWait } from '../lock-service.js';
import { conflict, lockKey } from '../session/lock-news.js';
import { placeOf, readHolds, readWaiter, tokenOf } from './redis-texts.js';
import type { Listed } from './redis-lock-table.js';
import type { PreparedRow } from './takeovers.js';
import type { LockMode } from '../lock-holder.js';

export function listedLocks({ life, held, labels }: Listed, prepared: readonly PreparedRow[]): ListedLock[] {
  const known = new Set(prepared.map(({ owner, tenant, stream }) => `${owner} ${lockKey(tenant, stream)}`));
  const others = held.flatMap(([key, value]) =>
    readHolds(value)
      .filter((hold) => !hold.prepared && !known.has(`${hold.owner} ${key}`))
      .map(({ mode, owner, session, started, drawn }) => ({
        ...{ ...placeOf(key), mode, owner, prepared: false, fencingToken: tokenOf(life, drawn) },
        ...{ started: dateOf(started), label: labels.get(session) ?? '' },
      })),
  );
  const durable = prepared.map(({ tenant, stream, mode, owner, session, started, token }) => ({
    ...{ tenant, stream, mode: mode as LockMode, owner, prepared: true, fencingToken: token },
    ...{ started: dateOf(BigInt(started)), label: labels.get(session) ?? '' },
  }));
  return [...others, ...durable].toSorted(
    (one, other) =>
      compare(lockKey(one.tenant, one.stream), lockKey(other.tenant, other.stream)) ||
      Number(one.fencingToken - other.fencingToken),
  );
}

export function listedWaits({ held, waiting, labels }: Listed): LockWait[] {
  const holders = new Map(held.map(([key, value]) => [key, readHolds(value)]));
  const label = (session: string): string => labels.get(session) ?? '';
  const before = new Map<string, ReturnType<typeof readWaiter>[]>();
  const waits = waiting.flatMap(([key, member]) => {
    const waiter = readWaiter(member);
    const older = before.get(key) ?? [];
    before.set(key, [...older, waiter]);
    const inTheWay = [
      ...(holders.get(key) ?? []).map((hold) => ({ ...hold, holds: true })),
      ...older.map((one) => ({ ...one, holds: false, prepared: false })),
    ].filter(({ owner, mode }) => owner !== waiter.owner && conflict(mode, waiter.mode));
    return inTheWay.map(({ owner, mode, session, prepared, holds }): LockWait => {
      const waitsFor = { owner, mode, label: label(session), prepared, holds };
      return { ...placeOf(key), owner: waiter.owner, mode: waiter.mode, since: waiter.since, waitsFor };
    });
  });
  return waits.toSorted(
    (one, other) =>
      compare(lockKey(one.tenant, one.stream), lockKey(other.tenant, other.stream)) ||
      one.since.getTime() - other.since.getTime() ||
      compare(one.owner, other.owner),
  );
}

const dateOf = (started: bigint): Date => new Date(Number(started / 1000n));

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
