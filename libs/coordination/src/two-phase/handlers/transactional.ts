// Marks a command handler whose work is one transaction of several participants.
import 'reflect-metadata';

/** What its transactions are about. */
export interface TransactionalOptions {
  /** The names of those that may take part. One that the coordinator does not know stops the app's start. */
  readonly participants: readonly string[];
  /** How long each may take to vote; the coordinator's patience by default. */
  readonly patienceMs?: number;
}

const KEY = 'concord:transactional';

/** On a command handler: it loads by TransactionalWork, and all it does is committed in all participants, or in none. */
export function Transactional(options: TransactionalOptions): ClassDecorator {
  return (target) => Reflect.defineMetadata(KEY, options, target);
}

/** Undefined: it is none. */
export function transactionalOptionsOf(handlerClass: object): TransactionalOptions | undefined {
  return Reflect.getMetadata(KEY, handlerClass) as TransactionalOptions | undefined;
}
