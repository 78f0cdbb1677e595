// Transfers over REST.
import { Body, Controller, Post } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { CommandId, type CommandKey } from '../../http/headers.js';
import { RestDoor, Writes } from '../../http/rest-door.js';
import { TransferInput } from './inputs.js';
import { LedgerWrites } from './ledger-writes.js';
import { MoneyTransferredView } from './views.js';

@RestDoor('transfers')
@Controller('v1/transfers')
export class TransfersController {
  constructor(private readonly writes: LedgerWrites) {}

  @Post()
  @Writes(201, MoneyTransferredView)
  @ApiOperation({ summary: 'Moves money from one account to another, as one change of both' })
  transfer(@Body() input: TransferInput, @CommandId() key?: CommandKey): Promise<MoneyTransferredView> {
    return this.writes.transfer(input, key);
  }
}
