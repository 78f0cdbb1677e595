// Calls that go on until somebody ends them: the client, or a server that is shutting down.
import { once } from 'node:events';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { ConcordError } from '@concord/kernel';

/** The server is shutting down: connect again, here or elsewhere. */
export class ServerClosing extends ConcordError {
  readonly code = 'server-closing';

  constructor() {
    super('the server is shutting down: connect again');
  }
}

/** The client has gone; nobody is there to be told. */
export class ClientGone extends ConcordError {
  readonly code = 'client-gone';

  constructor() {
    super('the client has cancelled the call');
  }
}

/** Passes on what comes until `stop`. What is awaited then is let go: the call ends soon after. */
export async function* untilStopped<T>(messages: AsyncIterable<T>, stop: AbortSignal): AsyncGenerator<T, void> {
  const iterator = messages[Symbol.asyncIterator]();
  let letGo = (): void => undefined;
  const onAbort = (): void => letGo();
  stop.addEventListener('abort', onAbort);
  try {
    while (!stop.aborted) {
      // No race with a promise that lives as long as the call: it would keep every message that has won against it.
      const message = await new Promise<IteratorResult<T> | undefined>((resolve, reject) => {
        letGo = () => resolve(undefined);
        iterator.next().then(resolve, reject);
      });
      if (!message || message.done) return;
      yield message.value;
    }
  } finally {
    stop.removeEventListener('abort', onAbort);
  }
}

/** Writes no faster than the client reads. */
export class Outgoing<Message> {
  constructor(
    private readonly call: Pick<ServerWritableStream<unknown, Message>, 'write' | 'once' | 'off' | 'on'>,
    readonly stop: AbortSignal,
  ) {}

  /** Errors: the reason of `stop`. */
  async send(message: Message): Promise<void> {
    this.stop.throwIfAborted();
    if (this.call.write(message)) return;
    try {
      await once(this.call as ServerWritableStream<unknown, Message>, 'drain', { signal: this.stop });
    } catch (error) {
      this.stop.throwIfAborted();
      throw error;
    }
  }
}
