// What the operating system knows about processes: whether one is the server of our cluster.
import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, isAbsolute } from 'node:path';
import { type Account, run } from './run.js';

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A pid alone proves nothing: after a crash or in a restarted container, it may be anybody's, or a zombie's. */
export function isServerOf(pid: number, cluster: string): boolean {
  if (!isAlive(pid)) return false;
  const [program = '', flag, folder = ''] = commandOf(pid);
  if (process.platform === 'win32') return program === 'postgres.exe';
  if (basename(program) !== 'postgres') return false;
  try {
    if (flag === '-D' && isAbsolute(folder)) return folder === cluster || realpathSync(folder) === cluster;
    // Started by hand, with a relative path: a server works in its cluster. Not everybody may see that, hence second.
    return readlinkSync(`/proc/${pid}/cwd`) === cluster;
  } catch {
    return false;
  }
}

function commandOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return process.platform === 'win32'
      ? [/^[^\s"]+/m.exec(outputOf('tasklist', '/fi', `PID eq ${pid}`, '/nh').trim())?.[0] ?? '']
      : (
          /^(.*?postgres) (-D) (.*?)(?: -\w .*)?$/.exec(
            outputOf('ps', '-ww', '-o', 'command=', '-p', String(pid)).trim(),
          ) ?? []
        ).slice(1);
  }
}

function outputOf(file: string, ...args: string[]): string {
  return spawnSync(file, args, { encoding: 'utf8', windowsHide: true }).stdout;
}

/** Ends the backends that a killed server left behind. Finds them where /proc exists, elsewhere none. */
export async function killOrphans(cluster: string, account: Account): Promise<void> {
  // As their own user: in a container, even root may not look where other users' processes work.
  const script = `for process in /proc/[0-9]*; do
    [ "$(readlink "$process/cwd")" = "$1" ] && [ "$(cat "$process/comm")" = postgres ] && kill -9 "\${process#/proc/}"
  done`;
  if (process.platform === 'linux') await run('/bin/sh', ['-c', script, 'sh', cluster], account);
}
