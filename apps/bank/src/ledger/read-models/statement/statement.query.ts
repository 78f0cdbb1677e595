// Questions about an account's bookings, answered from bank.statement_lines.
import { Injectable } from '@nestjs/common';
import type { StreamPosition } from '@concord/kernel';
import { Between, MoreThan } from 'typeorm';
import { StatementLineRow } from './statement-line.row.js';

/** Bookings of an account in order, from one day to another (both included), after a revision. */
export interface StatementPage {
  readonly accountId: string;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly after?: StreamPosition | undefined;
  readonly limit: number;
}

@Injectable()
export class StatementQuery {
  page({
    accountId,
    from = '0001-01-01',
    to = '9999-12-31',
    after,
    limit,
  }: StatementPage): Promise<StatementLineRow[]> {
    return StatementLineRow.findBy({
      where: {
        accountId,
        occurredOn: Between(from, to),
        ...(after !== undefined && { revision: MoreThan(after) }),
      },
      order: { revision: 'ASC' },
      limit,
    });
  }
}
