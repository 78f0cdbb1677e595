// Loans over REST.
import { Body, Controller, Get, Param, Post, Res } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { type FastifyReply } from '../../http/fastify.js';
import { CommandId, type CommandKey } from '../../http/headers.js';
import { Reads, RestDoor, Writes } from '../../http/rest-door.js';
import { LoanPath, RequestPayoutInput } from './inputs.js';
import { LoanDoor } from './loan-door.js';
import { LoanChangedView, LoanView } from './views.js';

@RestDoor('loans')
@Controller('v1/loans')
export class LoansController {
  constructor(private readonly door: LoanDoor) {}

  @Post()
  @Writes(201, LoanChangedView)
  @ApiOperation({
    summary: 'Requests the pay-out of a loan, which follows by itself: reserved, paid, confirmed, or undone',
  })
  async request(
    @Body() input: RequestPayoutInput,
    @CommandId() key: CommandKey | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<LoanChangedView> {
    const changed = await this.door.request(input, key);
    reply.header('location', `/v1/loans/${changed.loanId}`);
    return changed;
  }

  @Get(':loanId')
  @Reads(LoanView)
  @ApiOperation({ summary: 'A loan, and how far its pay-out is' })
  loan(@Param() { loanId }: LoanPath): Promise<LoanView> {
    return this.door.loan(loanId);
  }
}
