// Sends the commands of an instance, each applied at most once: its id follows from the instance and the step. What was not
// applied is settled under the id that the command's first event would have. An id belongs to one event of a tenant, so
// that either the command's events are there or the settlement is, and never both: a sender that was stopped for as long as
// you like cannot apply afterwards what was refused or cancelled meanwhile.
import { commandEventId, type CommandOutcome } from '@concord/commanding';
import { InvariantBroken } from '@concord/domain';
import { derivedId, type EventMetadata, runInMessage, type StreamName } from '@concord/kernel';
import { contextOf, within } from '@concord/telemetry';
import type { ProcessDefinition } from './process-definition.js';
import type { OwedCommand } from './process-instance.js';
import type { StoredCommand } from './process-events.js';
import type { ProcessKey } from './process-rows.js';
import type { CommandSender } from './process-work.js';

/**
 * `applied`: its events are there. `unchanged`, `refused`: it left no event. `settled`: somebody else has settled it: the
 * instance has to be loaded again.
 */
export type Sent =
  | { readonly outcome: 'applied' | 'unchanged' | 'settled' }
  | { readonly outcome: 'refused'; readonly invariant: string; readonly reason: string };

export class CommandDelivery {
  constructor(
    private readonly commands: CommandSender,
    private readonly definition: ProcessDefinition,
    private readonly key: ProcessKey,
    private readonly stream: StreamName,
  ) {}

  /** Sends the command of a step, again if need be. Errors: all but that an invariant has refused it. */
  send(owed: OwedCommand): Promise<Sent> {
    return this.execute(owed, this.idOf(owed.step, 'command'), owed.origin);
  }

  /** As send(), for what undoes the step. */
  async compensate({ step, compensation, origin }: OwedCommand): Promise<Sent> {
    if (!compensation) throw new Error(`unreachable: step "${step}" has a compensation`);
    return this.execute(compensation, this.idOf(step, 'compensation'), origin);
  }

  /** The id of the event that says that the command of a step was not applied. */
  refusalOf(step: string): string {
    return commandEventId(this.idOf(step, 'command'), 0);
  }

  /** As refusalOf(), for the compensation. */
  needlessOf(step: string): string {
    return commandEventId(this.idOf(step, 'compensation'), 0);
  }

  private idOf(step: string, what: 'command' | 'compensation'): string {
    const { process, tenant, instance } = this.key;
    return derivedId('process', tenant, process, instance, step, what);
  }

  private async execute({ type, order }: StoredCommand, id: string, origin: EventMetadata): Promise<Sent> {
    const Command = this.definition.commands.get(type);
    if (!Command)
      throw new Error(`${type} is not among the commands of this process manager: add it to @ProcessManager`);
    const message = { correlationId: origin.correlationId ?? id };
    const command = new Command(order as never, id);
    try {
      const outcome = await within(contextOf(origin), () =>
        runInMessage(message, () => this.commands.execute(command)),
      );
      return { outcome: this.read(outcome) };
    } catch (error) {
      if (!(error instanceof InvariantBroken)) throw error;
      return { outcome: 'refused', invariant: error.invariant, reason: error.message };
    }
  }

  private read({ streams }: CommandOutcome<unknown>): 'applied' | 'unchanged' | 'settled' {
    if (streams.length === 0) return 'unchanged';
    return streams.some(({ stream }) => stream === this.stream) ? 'settled' : 'applied';
  }
}
