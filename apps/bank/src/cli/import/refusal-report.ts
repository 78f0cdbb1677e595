// Tells of refused rows: the first ones on the screen, all of them in a file when there is one.
import { closeSync, openSync, writeSync } from 'node:fs';
import { messageOf, UsageError } from '../terminal/command-line.js';
import type { Refusal } from './import-options.js';

const ON_SCREEN = 50;

export class RefusalReport {
  count = 0;
  private readonly file: number | undefined;

  /** Errors: UsageError when the file cannot be written. */
  constructor(
    path: string | undefined,
    private readonly print: (line: string) => void,
  ) {
    try {
      this.file = path === undefined ? undefined : openSync(path, 'w');
    } catch (error) {
      throw new UsageError(`--errors ${path ?? ''} cannot be written: ${messageOf(error)}`);
    }
  }

  readonly add = ({ file, line, reason }: Refusal): void => {
    this.count += 1;
    const text = `${file}:${line}: ${reason}`;
    if (this.count <= ON_SCREEN) this.print(text);
    if (this.count === ON_SCREEN + 1)
      this.print(
        `(further refusals are ${this.file ? 'in the file only' : 'counted only: --errors <file> keeps all'})`,
      );
    if (this.file !== undefined) writeSync(this.file, `${text}\n`);
  };

  close(): void {
    if (this.file !== undefined) closeSync(this.file);
  }
}
