// What an instance may be called: its id is part of a stream's name.
import { streamName } from '@concord/kernel';

/** Errors: InvalidArgument for an id that no stream can have. */
export function assertInstanceId(instanceId: string): void {
  streamName('process', instanceId);
}
