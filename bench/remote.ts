// The parent's end of a contender's process.
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Answer, Request } from './child.js';
import type { CaseSize, Measured, Settings } from './contender.js';

const CHILD = fileURLToPath(new URL('child.js', import.meta.url));

export class Remote {
  private constructor(
    readonly contender: string,
    private readonly child: ChildProcess,
  ) {}

  /** `checkout`: run this framework as it is built there, and not as it is built here. */
  static async open(contender: string, settings: Settings, checkout?: string): Promise<Remote> {
    const program = checkout === undefined ? CHILD : join(checkout, 'dist/bench/child.js');
    const child = fork(program, [], { execArgv: ['--enable-source-maps', ...profiling(contender)] });
    const remote = new Remote(contender, child);
    await remote.ask({ ask: 'open', contender: checkout === undefined ? contender : 'concord', settings });
    return remote;
  }

  async show(setting: string): Promise<string | undefined> {
    return (await this.ask({ ask: 'show', setting })) as string | undefined;
  }

  async measure(line: string, what: CaseSize): Promise<Measured> {
    const measured = (await this.ask({ ask: 'measure', line, what })) as Measured | number;
    // Older checkouts tell seconds and no more.
    return typeof measured === 'number' ? { seconds: measured, cpu: Number.NaN } : measured;
  }

  async close(): Promise<void> {
    await this.ask({ ask: 'close' });
    this.child.disconnect();
    await new Promise((resolve) => this.child.once('exit', resolve));
  }

  private ask(request: Request): Promise<Answer['value']> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null): void =>
        reject(new Error(`${this.contender} ended with ${code ?? 'a signal'}`));
      this.child.once('exit', ended);
      this.child.once('message', (answer: Answer) => {
        this.child.off('exit', ended);
        if (answer.error === undefined) resolve(answer.value);
        else reject(new Error(`${this.contender}: ${answer.error}`));
      });
      this.child.send(request);
    });
  }
}

/** BENCH_PROFILE=concord writes a CPU profile of that contender's process. */
function profiling(contender: string): string[] {
  return process.env['BENCH_PROFILE'] === contender ? ['--cpu-prof', '--cpu-prof-dir=.concord-bench/profiles'] : [];
}
