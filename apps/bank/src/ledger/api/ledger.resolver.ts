// The ledger over GraphQL: the same questions and changes as over REST, and a subscription.
import { Args, Mutation, Query, Resolver, Subscription } from '@nestjs/graphql';
import { followed } from '../../http/followed.js';
import { CommandId, type CommandKey, SeenPosition } from '../../http/headers.js';
import {
  AccountBookingInput,
  AccountCloseInput,
  AccountEventsQuestion,
  AccountFeed,
  AccountOverdraftLimitInput,
  AccountsQuestion,
  AccountStatementQuestion,
  OneAccountQuestion,
  OpenAccountInput,
  RegionsQuestion,
  TransferInput,
} from './inputs.js';
import { LedgerReads } from './ledger-reads.js';
import { RegionReads } from './region-reads.js';
import { LedgerWrites } from './ledger-writes.js';
import {
  AccountChangedView,
  AccountEventPageView,
  AccountEventView,
  AccountPageView,
  AccountView,
  MoneyTransferredView,
  RegionTotalsView,
  StatementView,
} from './views.js';

@Resolver()
export class LedgerResolver {
  constructor(
    private readonly writes: LedgerWrites,
    private readonly reads: LedgerReads,
    private readonly regionReads: RegionReads,
  ) {}

  @Query(() => AccountView, { nullable: true, description: 'An account as it is, or as it was.' })
  account(@Args() { id, ...question }: OneAccountQuestion, @SeenPosition() seen?: bigint): Promise<AccountView> {
    return this.reads.account(id, question, seen);
  }

  @Query(() => AccountPageView, { description: 'Accounts, in one region or in all.' })
  accounts(@Args() question: AccountsQuestion, @SeenPosition() seen?: bigint): Promise<AccountPageView> {
    return this.reads.accounts(question, seen);
  }

  @Query(() => StatementView, { description: 'The bookings of an account, from one day to another.' })
  statement(@Args() question: AccountStatementQuestion, @SeenPosition() seen?: bigint): Promise<StatementView> {
    return this.reads.statement(question.accountId, question, seen);
  }

  @Query(() => [RegionTotalsView], { description: 'Totals by region and currency.' })
  regions(@Args() question: RegionsQuestion, @SeenPosition() seen?: bigint): Promise<RegionTotalsView[]> {
    return this.regionReads.regions(question, seen);
  }

  @Query(() => AccountEventPageView, { description: 'Everything that ever happened to an account.' })
  accountEvents(@Args() question: AccountEventsQuestion): Promise<AccountEventPageView> {
    return this.reads.events(question.accountId, question);
  }

  @Mutation(() => AccountChangedView, { description: 'Opens an account.' })
  openAccount(@Args() input: OpenAccountInput, @CommandId() key?: CommandKey): Promise<AccountChangedView> {
    return this.writes.open(input, key);
  }

  @Mutation(() => AccountChangedView, { description: 'Puts money into an account.' })
  deposit(@Args() input: AccountBookingInput, @CommandId() key?: CommandKey): Promise<AccountChangedView> {
    return this.writes.deposit(input.accountId, input, key);
  }

  @Mutation(() => AccountChangedView, { description: 'Takes money out of an account.' })
  withdraw(@Args() input: AccountBookingInput, @CommandId() key?: CommandKey): Promise<AccountChangedView> {
    return this.writes.withdraw(input.accountId, input, key);
  }

  @Mutation(() => MoneyTransferredView, { description: 'Moves money from one account to another.' })
  transfer(@Args() input: TransferInput, @CommandId() key?: CommandKey): Promise<MoneyTransferredView> {
    return this.writes.transfer(input, key);
  }

  @Mutation(() => AccountChangedView, { description: 'Changes how far an account may go below zero.' })
  changeOverdraftLimit(
    @Args() input: AccountOverdraftLimitInput,
    @CommandId() key?: CommandKey,
  ): Promise<AccountChangedView> {
    return this.writes.changeOverdraftLimit(input.accountId, input, key);
  }

  @Mutation(() => AccountChangedView, { description: 'Closes an account whose balance is zero.' })
  closeAccount(@Args() input: AccountCloseInput, @CommandId() key?: CommandKey): Promise<AccountChangedView> {
    return this.writes.close(input.accountId, input, key);
  }

  @Subscription(() => AccountEventView, {
    name: 'accountEvents',
    description: 'The events of an account from a revision on (its first, when left out), then those to come.',
    resolve: (event: AccountEventView) => event,
  })
  followAccount(@Args() { accountId, fromRevision }: AccountFeed): AsyncIterableIterator<AccountEventView> {
    return followed((stop) => this.reads.follow(accountId, fromRevision ?? 0, stop));
  }
}
