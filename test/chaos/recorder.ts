// Writes down what is asked and answered, in files of one process; and puts the files of all together.
import { existsSync, writeFileSync } from 'node:fs';
import type { Line, LineType } from './checker/history.js';
import { Notes, readNotes } from '../torture/model.js';

/** Nanoseconds since `origin`, on the clock that all processes of a machine share. */
export const elapsed = (origin: bigint): number => Number(process.hrtime.bigint() - origin);

export class Recorder {
  private readonly notes: Notes<Line>;

  constructor(
    path: string,
    private readonly origin: bigint,
  ) {
    this.notes = new Notes(path);
  }

  write(process: number, type: LineType, f: string, value: unknown): void {
    this.notes.write({ process, type, time: elapsed(this.origin), f, value });
  }
}

/** All lines by time. What was never answered, because its process died, is so in the end: `info`. */
export function readRecords(paths: readonly string[], end: number): Line[] {
  const lines = paths.filter((path) => existsSync(path)).flatMap((path) => readNotes<Line>(path));
  const open = new Map<string | number, Line>();
  for (const line of lines) {
    if (line.type === 'invoke') open.set(line.process, line);
    else open.delete(line.process);
  }
  const unanswered = [...open.values()].map((line): Line => ({ ...line, type: 'info', time: end }));
  return [...lines, ...unanswered].sort((a, b) => a.time - b.time);
}

export function writeHistory(path: string, lines: readonly Line[]): void {
  writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}
