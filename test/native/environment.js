// The world in which a spec runs: Node's own, as in production, and not one of Jest's virtual machines. What a spec leaves
// behind in the process is put back for the next one of the same worker process.
import '../load-typescript.js';

export default class NativeEnvironment {
  global = globalThis;
  // Clocks are passed to what needs another one; nothing here fakes timers.
  fakeTimers = null;
  fakeTimersModern = null;
  #left = { env: { ...process.env }, exit: process.exit, console: globalThis.console, directory: process.cwd() };

  setup() {
    // Where Jest's framework keeps its handlers of events: this spec's copy would take over those of the last one, and tell
    // uncaught errors to tests that are over.
    delete globalThis[Symbol.for('EVENT_HANDLERS')];
    // A worker that ends is started again, and its spec with it, which might then pass.
    process.exit = (code) => {
      throw new Error(`process.exit(${code}) was called in the process of the specs`);
    };
  }

  teardown() {
    for (const name of Object.keys(process.env)) if (!(name in this.#left.env)) delete process.env[name];
    Object.assign(process.env, this.#left.env);
    process.exit = this.#left.exit;
    globalThis.console = this.#left.console;
    process.chdir(this.#left.directory);
  }

  exportConditions() {
    return ['node', 'node-addons'];
  }

  getVmContext() {
    return null;
  }
}
