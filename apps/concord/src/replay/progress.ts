// How far a replay is: a bar on a terminal, and nothing where there is none.
import { Presets, SingleBar } from 'cli-progress';

const STEPS = 1000n;

export class ReplayProgress {
  private readonly bar: SingleBar | undefined;
  private readonly begun = Date.now();

  constructor(
    private readonly from: bigint,
    private readonly to: bigint,
    isQuiet: boolean,
  ) {
    if (isQuiet || !process.stderr.isTTY) return;
    const format = 'replay [{bar}] {percentage} %  {events} events, {rate}/s, at {position}';
    this.bar = new SingleBar({ format, stream: process.stderr, clearOnComplete: true }, Presets.legacy);
    this.bar.start(Number(STEPS), 0, { events: 0, rate: 0, position: from.toString() });
  }

  update(position: bigint, events: number): void {
    if (!this.bar) return;
    const whole = this.to - this.from + 1n;
    const rate = Math.round((events * 1000) / Math.max(Date.now() - this.begun, 1));
    const done = Number(((position - this.from + 1n) * STEPS) / (whole > 0n ? whole : 1n));
    this.bar.update(done, { events, rate, position: position.toString() });
  }

  stop(): void {
    this.bar?.stop();
  }
}
