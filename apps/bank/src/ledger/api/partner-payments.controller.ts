// Payments to another bank over REST.
import { Body, Controller, Post } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { CommandId, type CommandKey } from '../../http/headers.js';
import { RestDoor, Writes } from '../../http/rest-door.js';
import { DistributedWrites } from './distributed-writes.js';
import { PartnerPaymentInput } from './inputs.js';
import { PartnerPaymentView } from './views.js';

@RestDoor('partner-payments')
@Controller('v1/partner-payments')
export class PartnerPaymentsController {
  constructor(private readonly door: DistributedWrites) {}

  @Post()
  @Writes(201, PartnerPaymentView)
  @ApiOperation({
    summary: 'Pays into an account at the partner bank: debited here and credited there, or nothing is done',
  })
  pay(@Body() input: PartnerPaymentInput, @CommandId() key?: CommandKey): Promise<PartnerPaymentView> {
    return this.door.payPartner(input, key);
  }
}
