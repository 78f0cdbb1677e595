// How far a subscription has come: everything up to there is done with. What is done beyond an unfinished event does not count
// yet, and is delivered again after a crash.

export class Progress {
  /** Places of unfinished events, ascending: they are read in order. */
  private readonly open = new Set<bigint>();
  private finished = 0;

  /** `through`: up to where was read. */
  constructor(private through: bigint) {}

  get reached(): bigint {
    const [first] = this.open;
    return first === undefined ? this.through : first - 1n;
  }

  get lastKnown(): bigint {
    return this.through;
  }

  /** Events finished since the last checkpoint. */
  get since(): number {
    return this.finished;
  }

  /** Places that are to be worked on, and how many were passed over, up to `through`. */
  read(places: readonly bigint[], passedOver: number, through: bigint): void {
    for (const place of places) this.open.add(place);
    this.finished += passedOver;
    this.through = through;
  }

  done(place: bigint): void {
    if (this.open.delete(place)) this.finished += 1;
  }

  saved(): void {
    this.finished = 0;
  }
}
