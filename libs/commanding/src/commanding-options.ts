/** How commands run. */
export class CommandingOptions {
  /** How long a command waits for a lock, in milliseconds; 10,000 by default. Then it fails with LockWaitTimeout. */
  readonly lockWaitMs: number = 10_000;

  /**
   * Whether commands on one stream take turns in the memory of this process, without a lock, where nothing else is to be
   * committed with them; true by default. False: they, too, run under the lock service.
   */
  readonly mailboxes: boolean = true;

  constructor(options: Partial<CommandingOptions> = {}) {
    Object.assign(this, options);
  }
}
