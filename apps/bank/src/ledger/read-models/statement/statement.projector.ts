// Keeps bank.statement_lines: one row a booking, behind the commands.
import { parseStreamName, type RecordedEvent } from '@concord/kernel';
import { On, Projection } from '@concord/projections';
import type {
  Booking,
  MoneyDeposited,
  MoneyWithdrawn,
  TransferBooking,
  TransferReceived,
  TransferSent,
} from '../../domain/account.js';
import { recordedMoney } from '../../domain/money.js';
import { type StatementLineKind, StatementLineRow } from './statement-line.row.js';

@Projection({
  name: 'ledger.statement',
  version: 1,
  categories: ['account'],
  consistency: 'async',
  rows: [StatementLineRow],
})
export class StatementProjector {
  @On<MoneyDeposited>('MoneyDeposited')
  deposited(event: RecordedEvent<MoneyDeposited>): Promise<void> {
    return addLine(event, event.data, 'deposit');
  }

  @On<MoneyWithdrawn>('MoneyWithdrawn')
  withdrawn(event: RecordedEvent<MoneyWithdrawn>): Promise<void> {
    return addLine(event, event.data, 'withdrawal');
  }

  @On<TransferSent>('TransferSent')
  sent(event: RecordedEvent<TransferSent>): Promise<void> {
    return addLine(event, event.data, 'transfer-out');
  }

  @On<TransferReceived>('TransferReceived')
  received(event: RecordedEvent<TransferReceived>): Promise<void> {
    return addLine(event, event.data, 'transfer-in');
  }
}

async function addLine(
  event: RecordedEvent,
  booking: Booking | TransferBooking,
  kind: StatementLineKind,
): Promise<void> {
  await StatementLineRow.of({
    accountId: parseStreamName(event.stream).id,
    revision: event.streamPosition,
    kind,
    amount: recordedMoney(booking.amount),
    balance: recordedMoney(booking.balance),
    occurredOn: booking.occurredOn,
    counterparty: 'counterparty' in booking ? booking.counterparty : null,
    reference: booking.reference ?? null,
  }).insert();
}
