// Keeps bank.accounts, within the commands that change an account.
import { parseStreamName, type RecordedEvent } from '@concord/kernel';
import { On, Projection } from '@concord/projections';
import type {
  AccountClosed,
  AccountEvent,
  AccountOpened,
  MoneyDeposited,
  MoneyWithdrawn,
  OverdraftLimitChanged,
  TransferReceived,
  TransferSent,
} from '../../domain/account.js';
import { recordedMoney } from '../../domain/money.js';
import { AccountRow } from './account.row.js';

@Projection({
  name: 'ledger.accounts',
  version: 1,
  categories: ['account'],
  consistency: 'inline',
  rows: [AccountRow],
})
export class AccountsProjector {
  @On<AccountOpened>('AccountOpened')
  async opened(event: RecordedEvent<AccountOpened>): Promise<void> {
    const { districtId, currency, overdraftLimit, openedOn } = event.data;
    await AccountRow.of({
      accountId: accountOf(event),
      districtId,
      currency,
      status: 'open',
      balance: 0n,
      overdraftLimit: recordedMoney(overdraftLimit),
      openedOn,
      revision: event.streamPosition,
    }).insert();
  }

  @On<MoneyDeposited>('MoneyDeposited')
  deposited(event: RecordedEvent<MoneyDeposited>): Promise<void> {
    return change(event, { balance: recordedMoney(event.data.balance) });
  }

  @On<MoneyWithdrawn>('MoneyWithdrawn')
  withdrawn(event: RecordedEvent<MoneyWithdrawn>): Promise<void> {
    return change(event, { balance: recordedMoney(event.data.balance) });
  }

  @On<TransferSent>('TransferSent')
  sent(event: RecordedEvent<TransferSent>): Promise<void> {
    return change(event, { balance: recordedMoney(event.data.balance) });
  }

  @On<TransferReceived>('TransferReceived')
  received(event: RecordedEvent<TransferReceived>): Promise<void> {
    return change(event, { balance: recordedMoney(event.data.balance) });
  }

  @On<OverdraftLimitChanged>('OverdraftLimitChanged')
  limitChanged(event: RecordedEvent<OverdraftLimitChanged>): Promise<void> {
    return change(event, { overdraftLimit: recordedMoney(event.data.overdraftLimit) });
  }

  @On<AccountClosed>('AccountClosed')
  closed(event: RecordedEvent<AccountClosed>): Promise<void> {
    return change(event, { status: 'closed' });
  }
}

async function change(event: RecordedEvent<AccountEvent>, columns: Partial<AccountRow>): Promise<void> {
  const account = await AccountRow.find({ accountId: accountOf(event) });
  if (!account)
    throw new Error(`${event.stream} has no row at position ${event.streamPosition}: rebuild ledger.accounts`);
  await Object.assign(account, columns, { revision: event.streamPosition }).update();
}

function accountOf(event: RecordedEvent): string {
  return parseStreamName(event.stream).id;
}
