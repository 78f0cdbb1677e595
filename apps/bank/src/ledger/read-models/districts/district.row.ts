// A district as it is known now.
import { ActiveRecord } from '@concord/projections';
import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity({ schema: 'bank', name: 'districts' })
export class DistrictRow extends ActiveRecord {
  @PrimaryColumn({ name: 'district_id', type: 'integer' })
  districtId!: number;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'text' })
  region!: string;

  @Column({ type: 'integer' })
  inhabitants!: number;
}
