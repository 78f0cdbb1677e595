// The bounded context "loans": their pay-out. It meets the ledger by the commands of contracts/ only.
import { Module } from '@nestjs/common';
import { CommandingModule } from '@concord/commanding';
import { loanCommands, loanHandlers, LoanPayout } from './application/index.js';

@Module({
  imports: [CommandingModule.forContext(loanCommands)],
  providers: [...loanHandlers, LoanPayout],
})
export class LoansModule {}
