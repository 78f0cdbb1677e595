// What the parts of a worker share.
import type { CommandOutcome } from '@concord/commanding';
import type { Database } from '@concord/database';
import type { EventStore } from '@concord/event-store';
import { type StreamName, streamName } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { ProcessDefinitions } from './process-definitions.js';
import type { AnyCommand } from './process-step.js';

/** Where commands go: the CommandBus of @nestjs/cqrs, whose handlers the command pipeline is around. */
export interface CommandSender {
  execute(command: AnyCommand): Promise<CommandOutcome<unknown>>;
}

/** Something that did not go as it should; what becomes of it is the `outcome`. */
export interface ProcessFailure {
  readonly process: string;
  readonly tenantId?: TenantId;
  readonly instanceId?: string;
  readonly error: unknown;
  /** `retrying`, `quarantined`: the instance's. `interrupted`: nobody's, and not counted; the worker or the instance goes on. */
  readonly outcome: 'retrying' | 'quarantined' | 'interrupted';
}

export interface ProcessWork {
  readonly store: EventStore;
  readonly database: Database;
  readonly commands: CommandSender;
  readonly definitions: ProcessDefinitions;
  readonly report: (failure: ProcessFailure) => void;
}

/** The stream of an instance. Errors: InvalidArgument for an id that no stream can have. */
export function streamOfProcess(process: string, instanceId: string): StreamName {
  return streamName(`process_${process}`, instanceId);
}
