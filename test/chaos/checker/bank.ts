// A bank's money: transfers move it, and no audit may find more or less of it. What is checked is each audit by itself;
// docs/reference/histories.md says what that does not see.
import type { Anomaly, AnomalyType, Verdict } from './anomaly.js';
import { HistoryInvalid, type Operation } from './history.js';
import { named } from './texts.js';

export interface BankOptions {
  /** All the money; what the first audit found, when it is not given. */
  readonly total?: number | undefined;
}

type Balances = readonly (readonly [account: string, balance: number])[];

/** Checks the audits (`f` is `read`) among operations. Errors: HistoryInvalid. */
export function checkBank(operations: readonly Operation[], { total: given }: BankOptions = {}): Verdict {
  const audits = operations
    .filter(({ f, outcome }) => f === 'read' && outcome === 'ok')
    .map((audit) => ({ audit, balances: balancesOf(audit) }));
  const transfers = operations.filter(({ f }) => f === 'transfer');
  if (audits.length === 0 && transfers.length === 0) return { anomalies: [], counts: {} };
  const total = given ?? sumOf(audits[0]?.balances ?? []);
  const accounts = new Set(audits.flatMap(({ balances }) => balances.map(([account]) => account)));
  return {
    anomalies: audits.flatMap(({ audit, balances }) => judge(audit, balances, { total, accounts })),
    counts: { audits: audits.length, transfers: transfers.filter(({ outcome }) => outcome === 'ok').length },
  };
}

interface Expected {
  readonly total: number;
  readonly accounts: ReadonlySet<string>;
}

function judge(audit: Operation, balances: Balances, { total, accounts }: Expected): Anomaly[] {
  const found = sumOf(balances);
  const missing = accounts.size - balances.length;
  const negative = balances.filter(([, balance]) => balance < 0).map(([account]) => account);
  const shown = balances.map(([account, balance]) => `${account}: ${balance}`).join(', ');
  const faults: readonly (readonly [boolean, AnomalyType, string])[] = [
    [found !== total, 'wrong-total', `found ${found} in all where there is ${total}`],
    [missing > 0, 'missing-account', `found ${balances.length} accounts where there are ${accounts.size}`],
    [negative.length > 0, 'negative-balance', `found less than nothing in ${negative.join(', ')}`],
  ];
  return faults
    .filter(([isSo]) => isSo)
    .map(([, type, what]) => ({
      type,
      operations: [audit.index],
      text: `${named(audit)} (process ${audit.process}) ${what}: ${shown}`,
    }));
}

function balancesOf({ process, value, invoked }: Operation): Balances {
  const isObject = typeof value === 'object' && value !== null;
  const balances = isObject ? (Object.entries(value) as [string, unknown][]) : [];
  if (isObject && balances.every((entry): entry is [string, number] => typeof entry[1] === 'number')) return balances;
  throw new HistoryInvalid(`the audit of process ${process} at ${invoked} was not answered by balances`);
}

const sumOf = (balances: Balances): number => balances.reduce((sum, [, balance]) => sum + balance, 0);
