// What a process remembers of what it has prepared, so that its commit need not read it again. Only so much of it: the commit may
// be told to another process, and then nobody takes it out here.

export interface Limits {
  readonly most: number;
  /** Of the texts of all of them together. */
  readonly mostCharacters: number;
}

const LIMITS: Limits = { most: 1000, mostCharacters: 16_000_000 };

export class Remembered<Value> {
  private readonly values = new Map<string, { readonly value: Value; readonly characters: number }>();
  private characters = 0;

  constructor(private readonly limits: Limits = LIMITS) {}

  /** The oldest are forgotten, where it is too much. */
  set(id: string, value: Value, characters: number): void {
    this.delete(id);
    this.values.set(id, { value, characters });
    this.characters += characters;
    for (const oldest of this.values.keys()) {
      if (this.values.size <= this.limits.most && this.characters <= this.limits.mostCharacters) return;
      this.delete(oldest);
    }
  }

  get(id: string): Value | undefined {
    return this.values.get(id)?.value;
  }

  delete(id: string): void {
    this.characters -= this.values.get(id)?.characters ?? 0;
    this.values.delete(id);
  }
}
