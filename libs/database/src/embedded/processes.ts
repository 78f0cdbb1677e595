// What the operating system knows about processes: whether one is the server of our cluster.
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

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
  const command = commandOf(pid);
  if (process.platform === 'win32') return /postgres/i.test(command);
  return /^(.*\/)?postgres -D /.test(command) && `${command} `.includes(` -D ${cluster} `);
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    const pidOf = String(pid);
    const options = { encoding: 'utf8', windowsHide: true } as const;
    return process.platform === 'win32'
      ? spawnSync('tasklist', ['/fi', `PID eq ${pidOf}`, '/nh'], options).stdout
      : spawnSync('ps', ['-ww', '-o', 'command=', '-p', pidOf], options).stdout.trim();
  }
}

/** Ends the backends that a killed server left behind. Finds them where /proc exists, elsewhere none. */
export function killOrphans(cluster: string): void {
  const pids = (() => {
    try {
      return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    } catch {
      return [];
    }
  })();
  for (const pid of pids) {
    try {
      if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== 'postgres') continue;
      if (readlinkSync(`/proc/${pid}/cwd`) === cluster) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It is gone, or not ours to see.
    }
  }
}
