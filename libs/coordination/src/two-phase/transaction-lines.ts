// Transactions that have not come to their end, as lines for a terminal: what an operator's command prints.
import type { UnsettledTransaction } from './unsettled.js';

/** One line a transaction, and one beneath it for each participant and each prepared lock; none: there is nothing to see. */
export function transactionLines(unsettled: readonly UnsettledTransaction[]): string[] {
  return unsettled.flatMap(({ id, tenant, state, ageMs, participants, locks, attempts, lastError }) => [
    `${id}  ${state}  ${(ageMs / 1000).toFixed(1)} s  tenant ${tenant}  ${attempts} attempts`,
    ...participants.map(({ name, state: known }) => `  participant ${name}: ${known}`),
    ...locks.map(({ stream, mode, fencingToken }) => `  lock ${stream} (${mode}), fencing token ${fencingToken}`),
    ...(lastError === null ? [] : [`  last error: ${lastError}`]),
  ]);
}
