// What is told of locks: that somebody got one, or has to give way. Some of it is for other processes.
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

export const lockKey = (tenant: string, stream: string): string => `${tenant} ${stream}`;

const STRENGTH: Readonly<Record<LockMode, number>> = { S: 0, U: 1, X: 2 };

export const covers = (held: LockMode, wanted: LockMode): boolean => STRENGTH[held] >= STRENGTH[wanted];

export const conflict = (one: LockMode, other: LockMode): boolean =>
  one === 'X' || other === 'X' || (one === 'U' && other === 'U');
