// How a handler under @Transactional reaches the stores and services of its transaction.
import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import { InvalidArgument } from '@concord/kernel';
import type { DistributedTransaction } from '../distributed-transaction.js';
import type { StoreSession } from '../store-session.js';

interface Running {
  readonly transaction: DistributedTransaction;
  readonly participants: readonly string[];
}

const running = new AsyncLocalStorage<Running>();

/** The running transaction: inject it into handlers with @Transactional. Outside of them it throws. */
@Injectable()
export class TransactionalWork {
  /** The part of it in a store. Errors: InvalidArgument, for a participant that the handler did not name. */
  store(name: string): StoreSession {
    return transactionWith(name).store(name);
  }

  /** Gives a remote service its work, once. Errors: as of store(). */
  enlist(name: string, work: unknown): void {
    transactionWith(name).enlist(name, work);
  }
}

export function runInTransaction<T>(context: Running, work: () => Promise<T>): Promise<T> {
  return running.run(context, work);
}

function transactionWith(name: string): DistributedTransaction {
  const context = running.getStore();
  if (!context) throw new Error('there is no transaction: put @Transactional({ participants }) on the command handler');
  if (context.participants.includes(name)) return context.transaction;
  throw new InvalidArgument(`"${name}" is not among the participants of this handler: name it in @Transactional`);
}
