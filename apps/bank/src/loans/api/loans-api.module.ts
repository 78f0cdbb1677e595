// The doors of loans. Apart from LoansModule, so that command-line tools start without them.
import { Module } from '@nestjs/common';
import { LoansModule } from '../loans.module.js';
import { LoanDoor } from './loan-door.js';
import { LoansController } from './loans.controller.js';

@Module({ imports: [LoansModule], controllers: [LoansController], providers: [LoanDoor] })
export class LoansApiModule {}
