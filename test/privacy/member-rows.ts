// Who is a member: the row, and the projector that keeps it.
import { parseStreamName, type RecordedEvent } from '@concord/kernel';
import { ActiveRecord, On, Projection } from '@concord/projections';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { FeePaid, MemberJoined, MemberMoved } from './members.js';

@Entity({ schema: 'club', name: 'members' })
export class MemberRow extends ActiveRecord {
  @PrimaryColumn({ name: 'member_id', type: 'text' })
  memberId!: string;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'text' })
  street!: string;

  @Column({ type: 'integer' })
  payments!: number;
}

@Projection({ name: 'club.members', version: 1, categories: ['member'], consistency: 'async', rows: [MemberRow] })
export class MembersProjector {
  @On<MemberJoined>('MemberJoined')
  async joined({ data }: RecordedEvent<MemberJoined>): Promise<void> {
    const { memberId, name, address } = data;
    await MemberRow.of({ memberId, name, street: address.street, payments: 0 }).insert();
  }

  @On<MemberMoved>('MemberMoved')
  async moved(event: RecordedEvent<MemberMoved>): Promise<void> {
    await change(event, { street: event.data.address.street });
  }

  @On<FeePaid>('FeePaid')
  async paid(event: RecordedEvent<FeePaid>): Promise<void> {
    await change(event, (row) => ({ payments: row.payments + 1 }));
  }
}

type Change = Partial<MemberRow> | ((row: MemberRow) => Partial<MemberRow>);

async function change(event: RecordedEvent, to: Change): Promise<void> {
  const row = await MemberRow.find({ memberId: parseStreamName(event.stream).id });
  if (!row) throw new Error(`${event.stream} has no row`);
  Object.assign(row, typeof to === 'function' ? to(row) : to);
  await row.update();
}
