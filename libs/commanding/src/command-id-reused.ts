import { ConcordError } from '@concord/kernel';

/** The command's id belongs to a command that was sent with another content; nothing was changed. */
export class CommandIdReused extends ConcordError {
  readonly code = 'command-id-reused';

  constructor(commandId: string) {
    super(`the command id ${commandId} was used for another command: give each command an id of its own`);
  }
}
