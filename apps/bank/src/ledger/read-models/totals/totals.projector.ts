// Keeps bank.district_totals, behind the commands.
import { parseStreamName, type RecordedEvent } from '@concord/kernel';
import { On, Projection, type RowKey } from '@concord/projections';
import type {
  AccountClosed,
  AccountOpened,
  MoneyDeposited,
  MoneyWithdrawn,
  TransferReceived,
  TransferSent,
} from '../../domain/account.js';
import { recordedMoney } from '../../domain/money.js';
import { AccountHomeRow } from './account-home.row.js';
import { DistrictTotalsRow } from './district-totals.row.js';

@Projection({
  name: 'ledger.totals',
  version: 1,
  categories: ['account'],
  consistency: 'async',
  rows: [DistrictTotalsRow, AccountHomeRow],
})
export class TotalsProjector {
  @On<AccountOpened>('AccountOpened')
  async opened(event: RecordedEvent<AccountOpened>): Promise<void> {
    const { districtId, currency } = event.data;
    await AccountHomeRow.of({ accountId: parseStreamName(event.stream).id, districtId, currency }).insert();
    const totals = await DistrictTotalsRow.find({ districtId, currency });
    if (totals) {
      totals.accounts += 1n;
      await totals.update();
    } else {
      const none = { balance: 0n, paidIn: 0n, paidOut: 0n };
      await DistrictTotalsRow.of({ districtId, currency, accounts: 1n, ...none }).insert();
    }
  }

  @On<MoneyDeposited>('MoneyDeposited', { rows: homeOf })
  deposited(event: RecordedEvent<MoneyDeposited>): Promise<void> {
    return change(event, (totals) => totals.book(recordedMoney(event.data.amount)));
  }

  @On<MoneyWithdrawn>('MoneyWithdrawn', { rows: homeOf })
  withdrawn(event: RecordedEvent<MoneyWithdrawn>): Promise<void> {
    return change(event, (totals) => totals.book(-recordedMoney(event.data.amount)));
  }

  @On<TransferSent>('TransferSent', { rows: homeOf })
  sent(event: RecordedEvent<TransferSent>): Promise<void> {
    return change(event, (totals) => totals.book(-recordedMoney(event.data.amount)));
  }

  @On<TransferReceived>('TransferReceived', { rows: homeOf })
  received(event: RecordedEvent<TransferReceived>): Promise<void> {
    return change(event, (totals) => totals.book(recordedMoney(event.data.amount)));
  }

  @On<AccountClosed>('AccountClosed', { rows: homeOf })
  closed(event: RecordedEvent<AccountClosed>): Promise<void> {
    return change(event, (totals) => {
      totals.accounts -= 1n;
    });
  }
}

function homeOf(event: RecordedEvent): RowKey {
  return AccountHomeRow.at({ accountId: parseStreamName(event.stream).id });
}

async function change(event: RecordedEvent, apply: (totals: DistrictTotalsRow) => void): Promise<void> {
  const home = await AccountHomeRow.find({ accountId: parseStreamName(event.stream).id });
  const totals = home && (await DistrictTotalsRow.find({ districtId: home.districtId, currency: home.currency }));
  if (!totals) throw new Error(`${event.stream} belongs to no district's totals: rebuild ledger.totals`);
  apply(totals);
  await totals.update();
}
