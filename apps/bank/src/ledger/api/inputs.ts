// What comes in at the ledger's doors. REST takes the id of the account from the path, GraphQL as one more argument.
import { ArgsType } from '@nestjs/graphql';
import { CursorField, LimitField } from '../../http/page.js';
import type { AccountSort } from '../read-models/accounts/accounts.query.js';
import {
  AccountIdField,
  AccountSortField,
  AmountField,
  AsOfField,
  CurrencyField,
  DayField,
  DirectionField,
  DistrictIdField,
  FromRevisionField,
  PositionField,
  ReferenceField,
  RegionField,
  RevisionField,
} from './fields.js';

const optional = true;

@ArgsType()
export class AccountPath {
  @AccountIdField()
  accountId!: string;
}

// --- Writes.

@ArgsType()
export class OpenAccountInput {
  @AccountIdField({ optional, description: 'The id of the new account; made when left out.' })
  accountId?: string | null;

  @DistrictIdField()
  districtId!: number;

  @CurrencyField()
  currency!: string;

  @AmountField({ optional, description: 'How far the balance may go below zero; "0.00" when left out.' })
  overdraftLimit?: string | null;
}

@ArgsType()
export class BookingInput {
  @AmountField()
  amount!: string;

  @ReferenceField({ optional })
  reference?: string | null;

  @DayField({ optional })
  occurredOn?: string | null;
}

@ArgsType()
export class AccountBookingInput extends BookingInput {
  @AccountIdField()
  accountId!: string;
}

@ArgsType()
export class TransferInput extends BookingInput {
  @AccountIdField({ description: 'The account that pays.' })
  from!: string;

  @AccountIdField({ description: 'The account that is paid.' })
  to!: string;
}

@ArgsType()
export class BranchTransferInput extends TransferInput {
  @DirectionField()
  direction!: 'to-branch' | 'from-branch';
}

@ArgsType()
export class PartnerPaymentInput extends BookingInput {
  @AccountIdField({ description: 'The account that pays.' })
  from!: string;

  @AccountIdField({ description: 'The account at the partner bank that is paid.' })
  partnerAccount!: string;
}

@ArgsType()
export class OverdraftLimitInput {
  @AmountField({ description: 'How far the balance may go below zero.' })
  overdraftLimit!: string;
}

@ArgsType()
export class AccountOverdraftLimitInput extends OverdraftLimitInput {
  @AccountIdField()
  accountId!: string;
}

@ArgsType()
export class CloseInput {
  @DayField({ optional })
  closedOn?: string | null;
}

@ArgsType()
export class AccountCloseInput extends CloseInput {
  @AccountIdField()
  accountId!: string;
}

// --- Questions.

@ArgsType()
export class AccountQuestion {
  @AsOfField({ optional })
  asOf?: string | null;

  @PositionField({ optional })
  after?: string | null;
}

@ArgsType()
export class OneAccountQuestion extends AccountQuestion {
  @AccountIdField()
  id!: string;
}

@ArgsType()
export class RegionsQuestion {
  @PositionField({ optional })
  after?: string | null;
}

@ArgsType()
export class AccountsQuestion {
  @RegionField({ optional })
  region?: string | null;

  @LimitField()
  limit?: number | null;

  @AccountSortField({ optional })
  sort?: AccountSort | null;

  @CursorField('The `next` of the page before.')
  after?: string | null;

  @CursorField('The `previous` of the page behind.')
  before?: string | null;

  @PositionField({ optional })
  afterPosition?: string | null;
}

@ArgsType()
export class StatementQuestion {
  @DayField({ optional, description: 'The first day.' })
  from?: string | null;

  @DayField({ optional, description: 'The last day.' })
  to?: string | null;

  @LimitField()
  limit?: number | null;

  @RevisionField({ optional })
  after?: string | null;

  @PositionField({ optional })
  afterPosition?: string | null;
}

@ArgsType()
export class AccountStatementQuestion extends StatementQuestion {
  @AccountIdField()
  accountId!: string;
}

@ArgsType()
export class EventsQuestion {
  @LimitField()
  limit?: number | null;

  @RevisionField({ optional })
  after?: string | null;
}

@ArgsType()
export class AccountEventsQuestion extends EventsQuestion {
  @AccountIdField()
  accountId!: string;
}

@ArgsType()
export class AccountFeed {
  @AccountIdField()
  accountId!: string;

  @FromRevisionField({ optional })
  fromRevision?: number | null;
}
