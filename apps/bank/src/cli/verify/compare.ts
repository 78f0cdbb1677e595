// Compares the read models of the running tenant with the sums of the file.
import { AccountsQuery } from '../../ledger/read-models/accounts/accounts.query.js';
import { StatementQuery } from '../../ledger/read-models/statement/statement.query.js';
import type { INestApplicationContext } from '@nestjs/common';
import { ReadModels } from '@concord/projections';
import { formatMoney } from '../../ledger/domain/money.js';
import type { Sum } from './file-sums.js';

/** What differs at an account: what the file says, and what the read model says. */
export interface Difference {
  readonly accountId: string;
  readonly what: 'balance' | 'statement lines' | 'statement sum';
  readonly file: string;
  readonly readModel: string;
}

export interface Comparison {
  readonly compared: number;
  readonly exact: number;
  readonly differences: readonly Difference[];
  /** Accounts of the tenant that the file does not have. */
  readonly others: number;
}

const PAGE = 500;

export async function compare(
  app: INestApplicationContext,
  accounts: ReadonlyMap<string, Sum>,
  onProgress: (accounts: number) => void,
): Promise<Comparison> {
  const statements = app.get(StatementQuery, { strict: false });
  return app.get(ReadModels, { strict: false }).read(async () => {
    const balances = await allBalances(app.get(AccountsQuery, { strict: false }));
    const differences: Difference[] = [];
    let [compared, exact] = [0, 0];
    for (const [accountId, sum] of accounts) {
      const found = [
        ...difference(accountId, 'balance', sum.total, balances.get(accountId)),
        ...(await statementDifferences(statements, accountId, sum)),
      ];
      differences.push(...found);
      onProgress((compared += 1));
      if (found.length === 0) exact += 1;
    }
    const others = [...balances.keys()].filter((accountId) => !accounts.has(accountId)).length;
    return { compared, exact, differences, others };
  });
}

async function allBalances(query: AccountsQuery): Promise<Map<string, bigint>> {
  const balances = new Map<string, bigint>();
  for (let after: string | undefined; ;) {
    const { rows, next } = await query.page({ after, limit: PAGE });
    for (const { account } of rows) balances.set(account.accountId, account.balance);
    if (next === null) return balances;
    after = next;
  }
}

async function statementDifferences(query: StatementQuery, accountId: string, sum: Sum): Promise<Difference[]> {
  let [rows, total] = [0, 0n];
  for (let after: bigint | undefined; ;) {
    const page = await query.page({ accountId, after, limit: PAGE });
    rows += page.length;
    for (const line of page) total += line.change;
    if (page.length < PAGE) break;
    after = page.at(-1)?.revision;
  }
  const lines = rows === sum.rows ? [] : [{ accountId, what: 'statement lines' as const, ...pair(sum.rows, rows) }];
  return [...lines, ...difference(accountId, 'statement sum', sum.total, total)];
}

function difference(
  accountId: string,
  what: Difference['what'],
  file: bigint,
  readModel: bigint | undefined,
): Difference[] {
  if (file === readModel) return [];
  return [
    { accountId, what, ...pair(formatMoney(file), readModel === undefined ? 'missing' : formatMoney(readModel)) },
  ];
}

function pair(file: string | number, readModel: string | number): Pick<Difference, 'file' | 'readModel'> {
  return { file: String(file), readModel: String(readModel) };
}
