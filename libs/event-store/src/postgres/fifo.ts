// What waits for its turn. Taking some of it costs what is taken, however many are waiting behind it.

export class Fifo<Item> {
  private items: Item[] = [];
  private taken = 0;

  get size(): number {
    return this.items.length - this.taken;
  }

  get first(): Item | undefined {
    return this.items[this.taken];
  }

  add(item: Item): void {
    this.items.push(item);
  }

  take(): Item | undefined {
    const [item] = this.takeWhile((_, count) => count === 0);
    return item;
  }

  /** Removes the first ones, for as long as `takes` says so: it is told how many there are before. */
  takeWhile(takes: (item: Item, before: number) => boolean): Item[] {
    const from = this.taken;
    for (let next = this.first; next !== undefined && takes(next, this.taken - from); next = this.first)
      this.taken += 1;
    const items = this.items.slice(from, this.taken);
    // Not each time.
    if (this.taken * 2 >= this.items.length) {
      this.items = this.items.slice(this.taken);
      this.taken = 0;
    }
    return items;
  }
}
