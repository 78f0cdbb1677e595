// Every use case of loans: its command and its handler; and the process manager between them.
import { ConfirmPayout, ConfirmPayoutHandler } from './confirm-payout.js';
import { GiveUpPayout, GiveUpPayoutHandler } from './give-up-payout.js';
import { RequestPayout, RequestPayoutHandler } from './request-payout.js';

export { LoanPayout } from './loan-payout.process.js';
export { RequestPayout };

export const loanCommands = [RequestPayout, ConfirmPayout, GiveUpPayout];

export const loanHandlers = [RequestPayoutHandler, ConfirmPayoutHandler, GiveUpPayoutHandler];
