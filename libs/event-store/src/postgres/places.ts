// So many at once; the others come later, in the order in which they asked.
import { Fifo } from './fifo.js';

export class Places {
  private readonly asking = new Fifo<Place>();

  constructor(private free: number) {}

  /** A place, now or later. It must be given back, whether it was given or not. */
  ask(): Place {
    const place = new Place((given) => this.takeBack(given));
    this.asking.add(place);
    this.giveNext();
    return place;
  }

  async taken<T>(work: () => Promise<T>): Promise<T> {
    const place = this.ask();
    try {
      await place.given;
      return await work();
    } finally {
      place.giveBack();
    }
  }

  private takeBack(given: boolean): void {
    if (!given) return;
    this.free += 1;
    this.giveNext();
  }

  private giveNext(): void {
    while (this.free > 0) {
      const next = this.asking.take();
      if (!next) return;
      if (next.give()) this.free -= 1;
    }
  }
}

export class Place {
  readonly given: Promise<void>;
  private state: 'asked' | 'given' | 'back' = 'asked';
  private resolve!: () => void;

  constructor(private readonly takeBack: (given: boolean) => void) {
    this.given = new Promise((resolve) => (this.resolve = resolve));
  }

  /** False when nobody wants it any more. */
  give(): boolean {
    if (this.state !== 'asked') return false;
    this.state = 'given';
    this.resolve();
    return true;
  }

  isGivenWithin(milliseconds: number): Promise<boolean> {
    return new Promise((resolve) => {
      const late = setTimeout(resolve, milliseconds, false);
      void this.given.then(() => {
        clearTimeout(late);
        resolve(true);
      });
    });
  }

  giveBack(): void {
    const { state } = this;
    this.state = 'back';
    this.takeBack(state === 'given');
  }
}
