// What is asked at the same time travels in one call; while calls are under way, the next ones gather. For the log of
// decisions: with one flush a transaction, the log would be what all of them wait for.

interface Asked<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

const MOST_AT_ONCE = 500;
// With one, nothing would overlap the wait for the disk (as in libs/event-store's group commit).
const MOST_CALLS = 2;

export class Grouped<Item, Answer> {
  private readonly waiting: Asked<Item, Answer>[] = [];
  private calls = 0;
  private isDue = false;

  /** `send` answers in the order of the items. */
  constructor(
    private readonly send: (items: readonly Item[]) => Promise<readonly Answer[]>,
    private readonly most = MOST_AT_ONCE,
  ) {}

  ask(item: Item): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      this.sendSoon();
    });
  }

  /** At the end of the turn of the event loop: what it brings comes together. */
  private sendSoon(): void {
    if (this.isDue || this.calls === MOST_CALLS || this.waiting.length === 0) return;
    this.isDue = true;
    setImmediate(() => {
      this.isDue = false;
      void this.sendNow();
      this.sendSoon();
    });
  }

  private async sendNow(): Promise<void> {
    const asked = this.waiting.splice(0, this.most);
    if (asked.length === 0) return;
    this.calls += 1;
    try {
      const answers = await this.send(asked.map(({ item }) => item));
      for (const [index, { resolve }] of asked.entries()) resolve(answers[index] as Answer);
    } catch (error) {
      for (const { reject } of asked) reject(error);
    } finally {
      this.calls -= 1;
      this.sendSoon();
    }
  }
}
