// From the ledger's own types to what the doors show.
import type { RecordedEvent, StreamPosition } from '@concord/kernel';
import type { Account } from '../domain/account.js';
import { formatMoney, type Money } from '../domain/money.js';
import type { AccountInRegion } from '../read-models/accounts/accounts.query.js';
import type { StatementLineRow } from '../read-models/statement/statement-line.row.js';
import type { RegionTotals } from '../read-models/totals/totals.query.js';
import type { AccountEventView, AccountView, RegionTotalsView, StatementLineView } from './views.js';

/** Revisions are JSON numbers: a stream of 2^53 events is refused rather than shown wrongly. */
export function presentRevision(revision: StreamPosition): number {
  const number = Number(revision);
  if (!Number.isSafeInteger(number)) throw new Error(`revision ${revision} is beyond what a JSON number holds`);
  return number;
}

export function presentAccount({ account, region }: AccountInRegion): AccountView {
  const { accountId, balance, currency, overdraftLimit, districtId, status, revision } = account;
  return {
    accountId,
    balance: formatMoney(balance),
    currency,
    overdraftLimit: formatMoney(overdraftLimit),
    districtId,
    region,
    status,
    revision: presentRevision(revision),
  };
}

/** An account that was replayed up to some revision. */
export function presentAccountAsOf(account: Account, region: string | null): AccountView {
  const { balance, currency, overdraftLimit, districtId, status } = account.state;
  return {
    accountId: account.id,
    balance: formatMoney(balance),
    currency,
    overdraftLimit: formatMoney(overdraftLimit),
    districtId,
    region,
    status,
    revision: presentRevision(account.revision),
  };
}

export function presentLine(line: StatementLineRow): StatementLineView {
  const { revision, kind, amount, change, balance, occurredOn, counterparty, reference } = line;
  return {
    revision: presentRevision(revision),
    kind,
    amount: formatMoney(amount),
    change: formatMoney(change),
    balance: formatMoney(balance),
    occurredOn,
    counterparty,
    reference,
  };
}

export function presentEvent({
  id,
  type,
  data,
  metadata,
  streamPosition,
  globalPosition,
}: RecordedEvent): AccountEventView {
  return {
    eventId: id,
    type,
    revision: presentRevision(streamPosition),
    position: globalPosition.toString(),
    recordedAt: metadata.recordedAt.toISOString(),
    data,
    correlationId: metadata.correlationId ?? null,
    causationId: metadata.causationId ?? null,
  };
}

export function presentTotals({ region, currency, districts, ...sums }: RegionTotals): RegionTotalsView {
  return {
    region,
    currency,
    ...presentSums(sums),
    districts: districts.map(({ districtId, name, ...own }) => ({ districtId, name, ...presentSums(own) })),
  };
}

interface Sums {
  readonly accounts: bigint;
  readonly balance: Money;
  readonly paidIn: Money;
  readonly paidOut: Money;
}

function presentSums({ accounts, balance, paidIn, paidOut }: Sums) {
  return {
    accounts: Number(accounts),
    balance: formatMoney(balance),
    paidIn: formatMoney(paidIn),
    paidOut: formatMoney(paidOut),
  };
}
