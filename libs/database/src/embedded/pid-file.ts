// PostgreSQL's postmaster.pid: what the server of a cluster says of itself, and what a killed one last said.
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface PidFile {
  readonly pid: number;
  readonly port: number;
  readonly status: string;
}

export function readPidFile(cluster: string): PidFile | undefined {
  try {
    const lines = readFileSync(pathOf(cluster), 'utf8').split('\n');
    const pid = Math.abs(Number(lines[0]));
    return pid ? { pid, port: Number(lines[3]), status: lines[7]?.trim() ?? '' } : undefined;
  } catch {
    return undefined;
  }
}

// PostgreSQL refuses to start over an empty file, the remnant of a crash between its creation and its first write. A
// server that is about to write one does so within milliseconds.
export function removeEmptyPidFile(cluster: string): void {
  const found = statSync(pathOf(cluster), { throwIfNoEntry: false });
  if (found?.size === 0 && Date.now() - found.mtimeMs > 2_000) rmSync(pathOf(cluster), { force: true });
}

const pathOf = (cluster: string): string => join(cluster, 'postmaster.pid');
