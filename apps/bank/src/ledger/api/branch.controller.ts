// The branch over REST: accounts in another store, and transfers between that and the bank's own.
import { Body, Controller, Get, Param, Post, Res } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { type FastifyReply } from '../../http/fastify.js';
import { CommandId, type CommandKey } from '../../http/headers.js';
import { Reads, RestDoor, Writes } from '../../http/rest-door.js';
import { DistributedWrites } from './distributed-writes.js';
import { AccountPath, BranchTransferInput, OpenAccountInput } from './inputs.js';
import { AccountView, BranchTransferView, ChangedAccountView } from './views.js';

@RestDoor('branch')
@Controller('v1/branch')
export class BranchController {
  constructor(private readonly door: DistributedWrites) {}

  @Post('accounts')
  @Writes(201, ChangedAccountView)
  @ApiOperation({ summary: 'Opens an account in the store of the branch' })
  async open(
    @Body() input: OpenAccountInput,
    @CommandId() key: CommandKey | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ChangedAccountView> {
    const changed = await this.door.openInBranch(input, key);
    reply.header('location', `/v1/branch/accounts/${changed.accountId}`);
    return changed;
  }

  @Get('accounts/:accountId')
  @Reads(AccountView)
  @ApiOperation({ summary: 'An account of the branch, as its events tell it' })
  account(@Param() { accountId }: AccountPath): Promise<AccountView> {
    return this.door.branchAccount(accountId);
  }

  @Post('transfers')
  @Writes(201, BranchTransferView)
  @ApiOperation({
    summary: 'Moves money between an account of the bank and one of the branch: in both stores, or in neither',
  })
  transfer(@Body() input: BranchTransferInput, @CommandId() key?: CommandKey): Promise<BranchTransferView> {
    return this.door.transfer(input, key);
  }
}
