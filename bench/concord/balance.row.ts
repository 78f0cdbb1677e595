// The read model: one row an account.
import { ActiveRecord, asBigint } from '@concord/projections';
import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity({ schema: 'bench', name: 'balances' })
export class BalanceRow extends ActiveRecord {
  @PrimaryColumn({ name: 'account_id', type: 'text' })
  accountId!: string;

  @Column({ type: 'bigint', transformer: asBigint })
  amount!: bigint;

  @Column({ type: 'bigint', transformer: asBigint })
  deposits!: bigint;

  @Column({ type: 'text' })
  memo!: string;
}
