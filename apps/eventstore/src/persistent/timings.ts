// How long a consumer takes for its events: the last thousand of them, as EventStoreDB tells it.

const WINDOW = 1000;

export class Timings {
  private readonly times: number[] = [];
  private next = 0;

  add(milliseconds: number): void {
    this.times[this.next] = milliseconds;
    this.next = (this.next + 1) % WINDOW;
  }

  /** Whole milliseconds by the names of EventStoreDB; empty before the first event. */
  measurements(): readonly (readonly [key: string, value: number])[] {
    const sorted = this.times.toSorted((a, b) => a - b);
    if (sorted.length === 0) return [];
    const at = (percent: number): number =>
      sorted[Math.min(Math.floor((percent / 100) * sorted.length), sorted.length - 1)] ?? 0;
    const mean = sorted.reduce((sum, time) => sum + time, 0) / sorted.length;
    const all: [string, number][] = [
      ['Mean', mean],
      ['Median', at(50)],
      ['Fastest', at(0)],
      ...[0, 20, 40, 60, 80].map((percent, index): [string, number] => [`Quintile ${index + 1}`, at(percent)]),
      ...[90, 95, 99, 99.5, 99.9].map((percent): [string, number] => [`${percent}%`, at(percent)]),
      ['Highest', at(100)],
    ];
    return all.map(([key, value]) => [key, Math.floor(value)]);
  }
}
