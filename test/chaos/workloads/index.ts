// The workloads by their names.
import { oneStore } from './one-store.js';
import { twoPhase } from './two-phase.js';
import type { Workload } from './workload.js';

const WORKLOADS: Readonly<Record<string, Workload>> = { 'one-store': oneStore, 'two-phase': twoPhase };

/** Errors: there is none of that name. */
export function workloadOf(name: string): Workload {
  const workload = WORKLOADS[name];
  if (workload) return workload;
  throw new Error(`there is no workload "${name}": take one of ${Object.keys(WORKLOADS).join(', ')}`);
}
