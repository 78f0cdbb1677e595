// One line of an account's statement: one booking.
import type { StreamPosition } from '@concord/kernel';
import { ActiveRecord, asBigint } from '@concord/projections';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Money } from '../../domain/money.js';

export type StatementLineKind = 'deposit' | 'withdrawal' | 'transfer-in' | 'transfer-out';

@Entity({ schema: 'bank', name: 'statement_lines' })
export class StatementLineRow extends ActiveRecord {
  @PrimaryColumn({ name: 'account_id', type: 'text' })
  accountId!: string;

  /** Position of the booking in the account's stream. */
  @PrimaryColumn({ type: 'bigint', transformer: asBigint })
  revision!: StreamPosition;

  @Column({ type: 'text' })
  kind!: StatementLineKind;

  @Column({ type: 'numeric', transformer: asBigint })
  amount!: Money;

  /** After the booking. */
  @Column({ type: 'numeric', transformer: asBigint })
  balance!: Money;

  @Column({ name: 'occurred_on', type: 'date' })
  occurredOn!: string;

  /** The account at the other end of a transfer. */
  @Column({ type: 'text', nullable: true })
  counterparty!: string | null;

  @Column({ type: 'text', nullable: true })
  reference!: string | null;

  /** The amount with its sign: what the booking did to the balance. */
  get change(): Money {
    return this.kind === 'deposit' || this.kind === 'transfer-in' ? this.amount : -this.amount;
  }
}
