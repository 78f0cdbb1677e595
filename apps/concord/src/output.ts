// Standard output at the speed of its reader, until somebody says stop: by a signal, or by reading no more.
import { once } from 'node:events';

/** Who ended it. */
export type Stopped = 'signal' | 'reader';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Lines to standard output. While it is open, signals stop the work and do not end the process. */
export class Output {
  private readonly stopping = new AbortController();
  private readonly onSignal = (): void => this.stopping.abort('signal' satisfies Stopped);
  private readonly onError = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error;
    this.stopping.abort('reader' satisfies Stopped);
  };

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.onSignal);
    process.stdout.on('error', this.onError);
  }

  get stop(): AbortSignal {
    return this.stopping.signal;
  }

  /** Changes while it is waited for: asked anew each time. */
  stopped(): Stopped | undefined {
    return this.stop.aborted ? (this.stop.reason as Stopped) : undefined;
  }

  /** Resolves when the reader has room for more, or is gone. */
  async write(text: string): Promise<void> {
    if (this.stopped() === 'reader' || process.stdout.write(text)) return;
    await once(process.stdout, 'drain', { signal: this.stop }).catch(() => undefined);
  }

  close(): void {
    for (const signal of SIGNALS) process.off(signal, this.onSignal);
  }
}

export async function withOutput<T>(work: (output: Output) => Promise<T>): Promise<T> {
  const output = new Output();
  try {
    return await work(output);
  } finally {
    output.close();
  }
}
