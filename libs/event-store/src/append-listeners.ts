// Who in this process wants to hear of appends.
import { warn } from '@concord/kernel';
import { withoutTrace } from '@concord/telemetry';

/** Whether this store appended, or another one, mostly that of another process. */
export type AppendSource = 'here' | 'elsewhere';

export class AppendListeners {
  private readonly listeners = new Set<(source: AppendSource) => void>();

  add(listener: (source: AppendSource) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  announce(source: AppendSource): void {
    // Whatever a listener begins is no part of the append, and appends that it makes are told of by themselves.
    if (this.listeners.size > 0) withoutTrace(() => this.call(source));
  }

  private call(source: AppendSource): void {
    for (const listener of this.listeners) {
      try {
        listener(source);
      } catch (error) {
        // It is appended: a listener that fails changes nothing about that.
        warn(error, 'ConcordOnAppended');
      }
    }
  }
}
