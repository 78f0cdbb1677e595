// Accounts over REST.
import { Body, Controller, Get, Param, Post, Put, Query, Res } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { type FastifyReply } from '../../http/fastify.js';
import { CommandId, type CommandKey, SeenPosition } from '../../http/headers.js';
import { Reads, RestDoor, Writes } from '../../http/rest-door.js';
import {
  AccountPath,
  AccountQuestion,
  AccountsQuestion,
  BookingInput,
  CloseInput,
  EventsQuestion,
  OpenAccountInput,
  OverdraftLimitInput,
  StatementQuestion,
} from './inputs.js';
import { LedgerReads } from './ledger-reads.js';
import { LedgerWrites } from './ledger-writes.js';
import { AccountChangedView, AccountEventPageView, AccountPageView, AccountView, StatementView } from './views.js';

@RestDoor('accounts')
@Controller('v1/accounts')
export class AccountsController {
  constructor(
    private readonly writes: LedgerWrites,
    private readonly reads: LedgerReads,
  ) {}

  @Post()
  @Writes(201, AccountChangedView)
  @ApiOperation({ summary: 'Opens an account' })
  async open(
    @Body() input: OpenAccountInput,
    @CommandId() key: CommandKey | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AccountChangedView> {
    const changed = await this.writes.open(input, key);
    reply.header('location', `/v1/accounts/${changed.accountId}`);
    return changed;
  }

  @Post(':accountId/deposits')
  @Writes(201, AccountChangedView)
  @ApiOperation({ summary: 'Puts money into an account' })
  deposit(
    @Param() { accountId }: AccountPath,
    @Body() input: BookingInput,
    @CommandId() key?: CommandKey,
  ): Promise<AccountChangedView> {
    return this.writes.deposit(accountId, input, key);
  }

  @Post(':accountId/withdrawals')
  @Writes(201, AccountChangedView)
  @ApiOperation({ summary: 'Takes money out of an account' })
  withdraw(
    @Param() { accountId }: AccountPath,
    @Body() input: BookingInput,
    @CommandId() key?: CommandKey,
  ): Promise<AccountChangedView> {
    return this.writes.withdraw(accountId, input, key);
  }

  @Put(':accountId/overdraft-limit')
  @Writes(200, AccountChangedView)
  @ApiOperation({ summary: 'Changes how far an account may go below zero' })
  changeOverdraftLimit(
    @Param() { accountId }: AccountPath,
    @Body() input: OverdraftLimitInput,
    @CommandId() key?: CommandKey,
  ): Promise<AccountChangedView> {
    return this.writes.changeOverdraftLimit(accountId, input, key);
  }

  @Post(':accountId/close')
  @Writes(200, AccountChangedView)
  @ApiOperation({ summary: 'Closes an account whose balance is zero' })
  close(
    @Param() { accountId }: AccountPath,
    @Body() input: CloseInput,
    @CommandId() key?: CommandKey,
  ): Promise<AccountChangedView> {
    return this.writes.close(accountId, input, key);
  }

  @Get()
  @Reads(AccountPageView)
  @ApiOperation({ summary: 'Accounts, in one region or in all' })
  accounts(@Query() question: AccountsQuestion, @SeenPosition() seen?: bigint): Promise<AccountPageView> {
    return this.reads.accounts(question, seen);
  }

  @Get(':accountId')
  @Reads(AccountView)
  @ApiOperation({ summary: 'An account as it is, or as it was' })
  account(
    @Param() { accountId }: AccountPath,
    @Query() question: AccountQuestion,
    @SeenPosition() seen?: bigint,
  ): Promise<AccountView> {
    return this.reads.account(accountId, question, seen);
  }

  @Get(':accountId/statement')
  @Reads(StatementView)
  @ApiOperation({ summary: 'The bookings of an account, from one day to another' })
  statement(
    @Param() { accountId }: AccountPath,
    @Query() question: StatementQuestion,
    @SeenPosition() seen?: bigint,
  ): Promise<StatementView> {
    return this.reads.statement(accountId, question, seen);
  }

  @Get(':accountId/events')
  @Reads(AccountEventPageView)
  @ApiOperation({ summary: 'Everything that ever happened to an account' })
  events(@Param() { accountId }: AccountPath, @Query() question: EventsQuestion): Promise<AccountEventPageView> {
    return this.reads.events(accountId, question);
  }
}
