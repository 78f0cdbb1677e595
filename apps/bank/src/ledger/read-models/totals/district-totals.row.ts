// What all accounts of a district hold together, by currency.
import { ActiveRecord, asBigint } from '@concord/projections';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Money } from '../../domain/money.js';

@Entity({ schema: 'bank', name: 'district_totals' })
export class DistrictTotalsRow extends ActiveRecord {
  @PrimaryColumn({ name: 'district_id', type: 'integer' })
  districtId!: number;

  @PrimaryColumn({ type: 'text' })
  currency!: string;

  /** Open accounts. */
  @Column({ type: 'bigint', transformer: asBigint })
  accounts!: bigint;

  @Column({ type: 'numeric', transformer: asBigint })
  balance!: Money;

  @Column({ name: 'paid_in', type: 'numeric', transformer: asBigint })
  paidIn!: Money;

  @Column({ name: 'paid_out', type: 'numeric', transformer: asBigint })
  paidOut!: Money;

  /** Books a change of one of its accounts. */
  book(change: Money): void {
    this.balance += change;
    if (change > 0n) this.paidIn += change;
    else this.paidOut -= change;
  }
}
