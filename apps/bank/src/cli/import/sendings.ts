// Rows as commands. A command's id follows from the row's own id alone, so that a row is applied once, however often and
// from wherever it is imported.
import type { DomainCommand } from '@concord/commanding';
import type { RecordedEvent, StreamName } from '@concord/kernel';
import { DepositMoney, OpenAccount, RegisterDistrict, WithdrawMoney } from '../../ledger/application/index.js';
import { formatMoney, type Money } from '../../ledger/domain/money.js';
import type { Account, District, Transaction } from './forms.js';

/** A row that is ready to be sent. */
export interface Sending {
  readonly id: string;
  readonly commandId: string;
  /** Rows of one lane are sent in the order of the file. */
  readonly lane: string;
  readonly command: DomainCommand;
  /** The stream, type and facts of the event that the row becomes. */
  readonly becomes: { readonly stream: StreamName; readonly types: readonly string[]; readonly facts: object };
}

export function sendDistrict({ id, ...order }: District): Sending {
  const { districtId, ...facts } = order;
  const commandId = `import:district:${id}`;
  return {
    id,
    commandId,
    lane: id,
    command: new RegisterDistrict(order, commandId),
    becomes: { stream: `district-${districtId}`, types: ['DistrictRegistered', 'DistrictCorrected'], facts },
  };
}

export function sendAccount(account: Account, currency: string, overdraftLimit: Money): Sending {
  const { id, districtId, openedOn } = account;
  const commandId = `import:account:${id}`;
  const facts = { districtId, currency, openedOn };
  return {
    id,
    commandId,
    lane: id,
    command: new OpenAccount({ accountId: id, overdraftLimit, ...facts }, commandId),
    // Not the limit: it follows from the transactions, of which a later file may have more.
    becomes: { stream: `account-${id}`, types: ['AccountOpened'], facts },
  };
}

export function sendTransaction(transaction: Transaction): Sending {
  const { id, accountId, direction, amount, occurredOn, reference } = transaction;
  const commandId = `import:transaction:${id}`;
  const order = { accountId, amount, occurredOn, reference };
  const credit = direction === 'credit';
  return {
    id,
    commandId,
    lane: accountId,
    command: credit ? new DepositMoney(order, commandId) : new WithdrawMoney(order, commandId),
    becomes: {
      stream: `account-${accountId}`,
      types: [credit ? 'MoneyDeposited' : 'MoneyWithdrawn'],
      facts: { amount: formatMoney(amount), occurredOn, reference },
    },
  };
}

/** Whether an event is what this row becomes. */
export function isFrom({ becomes }: Sending, event: RecordedEvent): boolean {
  const data = event.data as Record<string, unknown>;
  return (
    event.stream === becomes.stream &&
    becomes.types.includes(event.type) &&
    Object.entries(becomes.facts).every(([name, value]) => data[name] === value)
  );
}
