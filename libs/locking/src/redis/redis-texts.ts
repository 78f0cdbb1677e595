// What the scripts take and answer, as texts: the names of locks, tokens, news and lists.
import type { StreamName } from '@concord/kernel';
import type { LockMode } from '../lock-holder.js';
import type { LockOwner } from '../lock-service.js';
import type { LockNews } from '../session/lock-news.js';
import type { Place } from '../session/owner-locks.js';

// Beside the number of the life; scripts know the rest only.
const TOKEN_BITS = 36n;

export const tokenOf = (life: bigint, drawn: string | number): bigint => (life << TOKEN_BITS) | BigInt(drawn);
export const drawnOf = (token: bigint): bigint => BigInt.asUintN(Number(TOKEN_BITS), token);

/** No tenant has a space in its id. */
export function placeOf(key: string): Place {
  const at = key.indexOf(' ');
  return { tenant: key.slice(0, at), stream: key.slice(at + 1) as StreamName };
}

/** What a lock is in Redis when one owner holds it, not prepared, and nobody waits; its token comes behind. */
export function loneHold(mode: LockMode, { id, started, origin }: LockOwner, session: string): string {
  return `${mode} 0 ${started} ${origin} ${id} ${session} `;
}

export function readNews(life: bigint, session: string, items: readonly unknown[]): LockNews[] {
  return groups(items, 5).map(([kind, owner, key, mode, token]) => ({
    kind: kind as LockNews['kind'],
    session,
    owner: String(owner),
    ...placeOf(String(key)),
    mode: mode as LockMode,
    token: String(tokenOf(life, Number(token))),
  }));
}

/** A lock that is to be taken from who holds it, for who waits in this mode. */
export interface Taking {
  readonly key: string;
  readonly mode: LockMode;
  /** Null: nobody waits, the holders are dead. */
  readonly owner: string | null;
  readonly drawn: number;
}

export function readTakings(items: readonly unknown[]): Taking[] {
  return groups(items, 4).map(([key, mode, owner, drawn]) => ({
    key: String(key),
    mode: mode as LockMode,
    owner: owner === '' ? null : String(owner),
    drawn: Number(drawn),
  }));
}

export interface Hold {
  readonly mode: LockMode;
  readonly prepared: boolean;
  readonly started: bigint;
  readonly owner: string;
  readonly session: string;
  readonly drawn: string;
}

export function readHolds(value: string): Hold[] {
  return value
    .split('|')
    .filter((text) => text !== '')
    .map((text) => {
      const [mode, prepared, started = '0', , owner = '', session = '', drawn = '0'] = text.split(' ');
      return { mode: mode as LockMode, prepared: prepared === '1', started: BigInt(started), owner, session, drawn };
    });
}

export interface Waiter {
  readonly owner: string;
  readonly session: string;
  readonly mode: LockMode;
  readonly since: Date;
}

export function readWaiter(member: string): Waiter {
  const [, owner = '', session = '', mode, asked] = member.split(' ');
  return { owner, session, mode: mode as LockMode, since: new Date(Number(asked)) };
}

export function groups(items: readonly unknown[], size: number): unknown[][] {
  return Array.from({ length: items.length / size }, (_, n) => items.slice(n * size, (n + 1) * size));
}
