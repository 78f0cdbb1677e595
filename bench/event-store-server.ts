// apps/eventstore as a process of its own, for those who are measured over the wire.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../apps/eventstore/src/main.js', import.meta.url));
// Without a parent there is nobody to serve.
const END_WITH_PARENT = 'data:text/javascript,process.on("disconnect",()=>process.kill(process.pid,"SIGTERM"))';
const LISTENS = /listens: (esdb:\S+)/;

export class EventStoreServer {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
  ) {}

  /** Over a database of its own. Errors: what the server says when it does not start. */
  static async start(databaseUrl: string): Promise<EventStoreServer> {
    const env = { ...process.env, DATABASE_URL: databaseUrl, EVENTSTORE_PORT: '0', LOG_LEVEL: 'warn' };
    const execArgv = ['--enable-source-maps', '--import', END_WITH_PARENT];
    const child = fork(PROGRAM, [], { env, execArgv, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    const ended = once(child, 'exit').then(() => Promise.reject(new Error('apps/eventstore did not start')));
    ended.catch(() => undefined);
    return new EventStoreServer(await Promise.race([listening(child), ended]), child);
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await ended;
  }
}

function listening({ stdout }: ChildProcess): Promise<string> {
  if (!stdout) throw new Error('the server has no output');
  return new Promise((resolve) => {
    // Read to the end: a full pipe would stop it.
    createInterface(stdout).on('line', (line) => {
      const url = LISTENS.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
}
