// Every use case of the ledger: its command and its handler.
import { ChangeOverdraftLimit, ChangeOverdraftLimitHandler } from './change-overdraft-limit.js';
import { CloseAccount, CloseAccountHandler } from './close-account.js';
import { DepositMoney, DepositMoneyHandler } from './deposit-money.js';
import { MoveMoney, MoveMoneyHandler } from './move-money.js';
import { OpenAccount, OpenAccountHandler } from './open-account.js';
import { RegisterDistrict, RegisterDistrictHandler } from './register-district.js';
import { TransferMoney, TransferMoneyHandler } from './transfer-money.js';
import { WithdrawMoney, WithdrawMoneyHandler } from './withdraw-money.js';

export {
  ChangeOverdraftLimit,
  CloseAccount,
  DepositMoney,
  OpenAccount,
  RegisterDistrict,
  TransferMoney,
  WithdrawMoney,
};

export const ledgerCommands = [
  OpenAccount,
  DepositMoney,
  WithdrawMoney,
  TransferMoney,
  MoveMoney,
  ChangeOverdraftLimit,
  CloseAccount,
  RegisterDistrict,
];

export const ledgerHandlers = [
  OpenAccountHandler,
  DepositMoneyHandler,
  WithdrawMoneyHandler,
  TransferMoneyHandler,
  MoveMoneyHandler,
  ChangeOverdraftLimitHandler,
  CloseAccountHandler,
  RegisterDistrictHandler,
];
