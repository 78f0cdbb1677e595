// Where an account belongs: what the totals need to know of it. Kept by the totals' own projector, so that a projection
// depends on events only, never on another projection.
import { ActiveRecord } from '@concord/projections';
import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity({ schema: 'bank', name: 'account_homes' })
export class AccountHomeRow extends ActiveRecord {
  @PrimaryColumn({ name: 'account_id', type: 'text' })
  accountId!: string;

  @Column({ name: 'district_id', type: 'integer' })
  districtId!: number;

  @Column({ type: 'text' })
  currency!: string;
}
