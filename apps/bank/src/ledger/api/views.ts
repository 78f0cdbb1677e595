// What the ledger's doors show. Amounts are decimal text; revisions are numbers; positions, which outgrow them, are text.
import { ObjectType } from '@nestjs/graphql';
import { Shown, ShownJson, ShownNumber, ShownRevision, ShownView } from '../../http/shown-field.js';

@ObjectType('Account')
export class AccountView {
  @Shown('The id of the account.', { example: 'a-4711' })
  accountId!: string;

  @Shown('What is in it.', { example: '700.00' })
  balance!: string;

  @Shown('Its currency (ISO 4217).', { example: 'CZK' })
  currency!: string;

  @Shown('How far the balance may go below zero.', { example: '0.00' })
  overdraftLimit!: string;

  @ShownNumber('The district that it lies in.', { example: 18 })
  districtId!: number;

  @Shown('The region of the district; null while the district is not known.', { nullable: true, example: 'Prague' })
  region!: string | null;

  @Shown('`open` or `closed`.', { example: 'open' })
  status!: string;

  @ShownRevision('Of the account, at this state: 0 when it was opened, one more with each event.', { example: 3 })
  revision!: number;
}

@ObjectType('AccountPage')
export class AccountPageView {
  @ShownView(() => [AccountView], 'In the order that was asked for.')
  items!: AccountView[];

  @Shown('Pass it as `after` for the next page; null when this is the last.', { nullable: true })
  next!: string | null;

  @Shown('Pass it as `before` for the page before; null when this is the first.', { nullable: true })
  previous!: string | null;
}

@ObjectType('StatementLine')
export class StatementLineView {
  @ShownRevision('Of the account, after the booking.', { example: 3 })
  revision!: number;

  @Shown('`deposit`, `withdrawal`, `transfer-in` or `transfer-out`.', { example: 'deposit' })
  kind!: string;

  @Shown('Above zero.', { example: '700.00' })
  amount!: string;

  @Shown('The amount with its sign.', { example: '-700.00' })
  change!: string;

  @Shown('After the booking.', { example: '1200.00' })
  balance!: string;

  @Shown('The day of the booking.', { example: '2024-02-29' })
  occurredOn!: string;

  @Shown('The account at the other end of a transfer.', { nullable: true })
  counterparty!: string | null;

  @Shown('What the booking was for.', { nullable: true })
  reference!: string | null;
}

@ObjectType('Statement')
export class StatementView {
  @ShownView(() => [StatementLineView], 'In the order in which they were booked.')
  items!: StatementLineView[];

  @Shown('Pass it as `after` for the next page; null when this is the last.', { nullable: true })
  next!: string | null;
}

@ObjectType('AccountEvent')
export class AccountEventView {
  @Shown('The id of the event.')
  eventId!: string;

  @Shown('What happened.', { example: 'MoneyDeposited' })
  type!: string;

  @ShownRevision('Of the account, with this event.', { example: 3 })
  revision!: number;

  @Shown('In the order of all events of all accounts.', { example: '1042' })
  position!: string;

  @Shown('When it was recorded.', { example: '2024-02-29T12:00:00.000Z' })
  recordedAt!: string;

  @ShownJson('Its facts.')
  data!: unknown;

  @Shown('The conversation that it belongs to.', { nullable: true })
  correlationId!: string | null;

  @Shown('The command that caused it.', { nullable: true })
  causationId!: string | null;
}

@ObjectType('AccountEventPage')
export class AccountEventPageView {
  @ShownView(() => [AccountEventView], 'In the order in which they happened.')
  items!: AccountEventView[];

  @Shown('Pass it as `after` for the next page; null when this is the last.', { nullable: true })
  next!: string | null;
}

@ObjectType('DistrictTotals')
export class DistrictTotalsView {
  @ShownNumber('The id of the district.', { example: 18 })
  districtId!: number;

  @Shown('Its name; null while it is not known.', { nullable: true })
  name!: string | null;

  @ShownNumber('Open accounts.')
  accounts!: number;

  @Shown('What is in its accounts.', { example: '700.00' })
  balance!: string;

  @Shown('All that was ever paid in.', { example: '900.00' })
  paidIn!: string;

  @Shown('All that was ever paid out.', { example: '200.00' })
  paidOut!: string;
}

@ObjectType('RegionTotals')
export class RegionTotalsView {
  @Shown('The region; null for districts that are not known.', { nullable: true, example: 'Prague' })
  region!: string | null;

  @Shown('Totals of different currencies are not added up.', { example: 'CZK' })
  currency!: string;

  @ShownNumber('Open accounts.')
  accounts!: number;

  @Shown('What is in its accounts.', { example: '700.00' })
  balance!: string;

  @Shown('All that was ever paid in.', { example: '900.00' })
  paidIn!: string;

  @Shown('All that was ever paid out.', { example: '200.00' })
  paidOut!: string;

  @ShownView(() => [DistrictTotalsView], 'The same by district.')
  districts!: DistrictTotalsView[];
}

@ObjectType('ChangedAccount')
export class ChangedAccountView {
  @Shown('The account.', { example: 'a-4711' })
  accountId!: string;

  @ShownRevision('Of the account, now.', { example: 3 })
  revision!: number;
}

@ObjectType('AccountChanged')
export class AccountChangedView extends ChangedAccountView {
  @Shown('Pass it to reads as `after`, `afterPosition` or X-Concord-Position to see this change.', { example: '1042' })
  position!: string;
}

@ObjectType('MoneyTransferred')
export class MoneyTransferredView extends AccountChangedView {
  @Shown('The id of the transfer.')
  transferId!: string;

  @ShownView(() => ChangedAccountView, 'The account that was paid.')
  to!: ChangedAccountView;
}

@ObjectType('BranchTransfer')
export class BranchTransferView {
  @Shown('The id of the transfer.')
  transferId!: string;

  @ShownView(() => ChangedAccountView, 'The account that has paid.')
  from!: ChangedAccountView;

  @ShownView(() => ChangedAccountView, 'The account that was paid.')
  to!: ChangedAccountView;

  @Shown("In the bank's own store: pass it to reads of its account.", { example: '1042' })
  position!: string;
}

@ObjectType('PartnerPayment')
export class PartnerPaymentView extends AccountChangedView {
  @Shown('The id of the payment, which the partner has, too.')
  paymentId!: string;
}
