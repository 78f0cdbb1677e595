// Which conversation the running code belongs to. Set at every entry, written into event metadata.
import { AsyncLocalStorage } from 'node:async_hooks';

/** The ids that tie events to what caused them. */
export interface MessageContext {
  readonly correlationId: string;
  readonly causationId?: string;
}

const storage = new AsyncLocalStorage<MessageContext>();

/** Runs `work`, and all that it awaits, within a conversation. */
export function runInMessage<T>(context: MessageContext, work: () => T): T {
  return storage.run(context, work);
}

/** The running conversation, if any. */
export function currentMessage(): MessageContext | undefined {
  return storage.getStore();
}
