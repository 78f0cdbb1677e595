// How far something is: a bar on a terminal, a plain line every second where there is none (a log, a pipe).
import { Presets, SingleBar } from 'cli-progress';

const PLAIN_LINE_MS = 1000;

/** Says every second that a work of unknown length is under way, and how far it is. Returns the way to stop. */
export function signsOfLife(what: string, state: () => string = () => 'at work'): () => void {
  const begun = Date.now();
  const tell = (): void => console.error(`${what}: ${state()}, ${Math.round((Date.now() - begun) / 1000)} s`);
  const timer = setInterval(tell, PLAIN_LINE_MS).unref();
  return () => clearInterval(timer);
}

const STEPS = 1000;

/** A quantity that grows, and the speed at which it does. */
export class Progress {
  private readonly begun = Date.now();
  private readonly bar: SingleBar | undefined;
  private readonly timer: NodeJS.Timeout | undefined;
  private done = 0;
  private share = 0;

  /** Without a total, update() is told how much of the way is done. */
  constructor(
    private readonly what: string,
    private readonly unit: string,
    private readonly total?: number,
  ) {
    if (process.stderr.isTTY) {
      const format = `${what} [{bar}] {percentage} %  {state}`;
      this.bar = new SingleBar({ format, stream: process.stderr }, Presets.legacy);
      this.bar.start(STEPS, 0, { state: this.state });
    } else {
      this.timer = setInterval(() => console.error(this.line), PLAIN_LINE_MS).unref();
    }
  }

  update(done: number, share = done / Math.max(this.total ?? done, 1)): void {
    this.done = done;
    this.share = share;
    this.bar?.update(Math.floor(share * STEPS), { state: this.state });
  }

  /** Prints a line without tearing the bar. */
  note(line: string): void {
    if (this.bar) process.stderr.write('\r\u001b[K');
    console.error(line);
  }

  stop(): void {
    this.bar?.stop();
    clearInterval(this.timer);
  }

  private get line(): string {
    return `${this.what}: ${Math.floor(this.share * 100)} %, ${this.state}`;
  }

  private get state(): string {
    const rate = Math.round((this.done * 1000) / Math.max(Date.now() - this.begun, 1));
    const of = this.total === undefined ? '' : ` of ${this.total}`;
    return `${this.done}${of} ${this.unit}, ${rate} ${this.unit}/s`;
  }
}
