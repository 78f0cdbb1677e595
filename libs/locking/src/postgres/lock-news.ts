// What the database tells of locks: that somebody got one, or has to give way. Some of it is for other processes.
import type { StreamName } from '@concord/kernel';
import type { LockMode } from '../lock-holder.js';

export interface LockNews {
  readonly kind: 'granted' | 'wounded';
  readonly session: string;
  readonly owner: string;
  readonly tenant: string;
  readonly stream: StreamName;
  readonly mode: LockMode;
  readonly token: string;
}

/** The channel on which a session is told to look what is new. */
export const channelOf = (session: string): string => `concord_locks_${session.replaceAll('-', '')}`;

export const lockKey = (tenant: string, stream: string): string => `${tenant} ${stream}`;

const STRENGTH: Readonly<Record<LockMode, number>> = { S: 0, U: 1, X: 2 };

export const covers = (held: LockMode, wanted: LockMode): boolean => STRENGTH[held] >= STRENGTH[wanted];

export const conflict = (one: LockMode, other: LockMode): boolean =>
  one === 'X' || other === 'X' || (one === 'U' && other === 'U');
