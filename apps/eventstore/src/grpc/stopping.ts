// Calls that go on until somebody ends them: the client, or a server that is shutting down.
import { type EventEmitter, once } from 'node:events';
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

/** Both kinds of call that have many answers. */
interface Answering<Message> extends EventEmitter {
  readonly cancelled: boolean;
  readonly destroyed: boolean;
  write(message: Message): boolean;
}

/** Writes no faster than the client reads. */
export class Outgoing<Message> {
  private telling: Promise<void> = Promise.resolve();

  constructor(
    private readonly call: Answering<Message>,
    readonly stop: AbortSignal,
  ) {}

  /** Errors: the reason of `stop`. */
  async send(message: Message): Promise<void> {
    this.stop.throwIfAborted();
    if (this.call.write(message)) return;
    try {
      await this.drained();
    } catch (error) {
      this.stop.throwIfAborted();
      throw error;
    }
  }

  /**
   * For answers, of which many may be ready at once: resolves when the client takes more, and never rejects. A client that
   * is there still gets them after `stop`, too, but nothing waits for it any more.
   */
  tell(message: Message): Promise<void> {
    this.telling = this.telling.then(async () => {
      if (this.call.cancelled || this.call.destroyed) return;
      if (!this.call.write(message)) await this.drained().catch(() => undefined);
    });
    return this.telling;
  }

  private drained(): Promise<unknown> {
    return once(this.call, 'drain', { signal: this.stop });
  }
}
