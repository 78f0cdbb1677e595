// Who wants to hear of an append in this process.

export class AppendListeners {
  private readonly listeners = new Set<() => void>();

  add(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  announce(): void {
    for (const listener of this.listeners) {
      try {
        listener();
      } catch (error) {
        // It is appended: a listener that fails changes nothing about that.
        process.emitWarning(error instanceof Error ? error : String(error), 'ConcordOnAppended');
      }
    }
  }
}
