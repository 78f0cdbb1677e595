// Named points at which a process can be told to die, as by kill -9.

export class Points {
  private readonly armed = new Set<string>();

  constructor(private readonly names: readonly string[]) {}

  dieAt(point: string): void {
    if (!this.names.includes(point))
      throw new Error(`there is no point "${point}": take one of ${this.names.join(', ')}`);
    this.armed.add(point);
  }

  at(point: string): void {
    if (this.armed.has(point)) process.kill(process.pid, 'SIGKILL');
  }
}
