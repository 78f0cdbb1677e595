// An account as it stands.
import type { StreamPosition } from '@concord/kernel';
import { ActiveRecord, asBigint, BelongsTo, type Related, type Scope } from '@concord/projections';
import { Column, Entity, In, PrimaryColumn } from 'typeorm';
import type { Money } from '../../domain/money.js';
import { DistrictRow } from '../districts/district.row.js';

@Entity({ schema: 'bank', name: 'accounts' })
export class AccountRow extends ActiveRecord {
  static readonly inDistricts =
    (districtIds: readonly number[]): Scope<AccountRow> =>
    () => ({ districtId: In(districtIds) });

  @PrimaryColumn({ name: 'account_id', type: 'text' })
  accountId!: string;

  @Column({ name: 'district_id', type: 'integer' })
  districtId!: number;

  @Column({ type: 'text' })
  currency!: string;

  @Column({ type: 'text' })
  status!: 'open' | 'closed';

  @Column({ type: 'numeric', transformer: asBigint })
  balance!: Money;

  @Column({ name: 'overdraft_limit', type: 'numeric', transformer: asBigint })
  overdraftLimit!: Money;

  @Column({ name: 'opened_on', type: 'date' })
  openedOn!: string;

  /** Of the account's stream, at this state. */
  @Column({ type: 'bigint', transformer: asBigint })
  revision!: StreamPosition;

  /** Null while it is not known. */
  @BelongsTo(() => DistrictRow, { districtId: 'districtId' })
  district?: Related<DistrictRow | null>;

  /** What can still be taken out. */
  get available(): Money {
    return this.status === 'open' ? this.balance + this.overdraftLimit : 0n;
  }
}
