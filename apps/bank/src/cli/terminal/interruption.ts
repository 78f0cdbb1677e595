// Ctrl-C once: a wish to stop soon. Twice: at once.
import { EXIT } from './command-line.js';

/** A signal that the first Ctrl-C (or SIGTERM) raises, after saying `notice`. */
export function interruption(notice: string): AbortSignal {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.stopped);
    console.error(`\n${notice}`);
    controller.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  return controller.signal;
}
