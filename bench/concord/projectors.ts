// The same projection twice: with Active Record rows, and with a statement of its own for each event.
import { Database } from '@concord/database';
import type { RecordedEvent } from '@concord/kernel';
import { On, Projection } from '@concord/projections';
import type { Deposited } from '../account.js';
import { BalanceRow } from './balance.row.js';

@Projection({ name: 'bench.rows', version: 1, categories: ['account'], consistency: 'async', rows: [BalanceRow] })
export class RowsProjector {
  @On<Deposited>('Deposited', { rows: ({ data: { accountId } }) => BalanceRow.at({ accountId }) })
  async deposited({ data }: RecordedEvent<Deposited>): Promise<void> {
    const { accountId, memo } = data;
    const amount = BigInt(data.amount);
    const balance = await BalanceRow.find({ accountId });
    if (!balance) {
      await BalanceRow.of({ accountId, amount, deposits: 1n, memo }).insert();
      return;
    }
    balance.amount += amount;
    balance.deposits += 1n;
    balance.memo = memo;
    await balance.update();
  }
}

const UPSERT = {
  name: 'bench upsert',
  text: `
    insert into bench.balances (tenant_id, account_id, amount, deposits, memo) values ($1, $2, $3, 1, $4)
    on conflict (tenant_id, account_id) do update set
      amount = balances.amount + excluded.amount, deposits = balances.deposits + 1, memo = excluded.memo`,
};

@Projection({ name: 'bench.sql', version: 1, categories: ['account'], consistency: 'async', rows: [] })
export class SqlProjector {
  constructor(private readonly database: Database) {}

  @On<Deposited>('Deposited')
  async deposited({ data, metadata }: RecordedEvent<Deposited>): Promise<void> {
    await this.database.query(UPSERT, [metadata.tenantId, data.accountId, data.amount, data.memo]);
  }
}
