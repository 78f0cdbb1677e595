// What consumer groups do, wherever the events are.
import { fences } from './consumer-groups/fences.js';
import { interruptions } from './consumer-groups/interruptions.js';
import type { GroupStores } from './consumer-groups/kit.js';
import { membersAndGroups } from './consumer-groups/members.js';
import { parkedEvents } from './consumer-groups/parked-events.js';
import { processes } from './consumer-groups/processes.js';

export function consumerGroupsContract(stores: GroupStores): void {
  membersAndGroups(stores);
  fences(stores);
  parkedEvents(stores);
  interruptions(stores);
  processes(stores);
}
