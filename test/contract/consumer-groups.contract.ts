// What consumer groups do, wherever the events are.
import { fences } from './consumer-groups/fences.js';
import { interruptions } from './consumer-groups/interruptions.js';
import type { GroupStores } from './consumer-groups/kit.js';
import { membersAndGroups } from './consumer-groups/members.js';
import { parkedEvents } from './consumer-groups/parked-events.js';
import { processes } from './consumer-groups/processes.js';

/** Each suite below a name of its own, or the stores that it opens before each test would be opened for the others' too. */
export function consumerGroupsContract(stores: GroupStores): void {
  describe('membership', () => membersAndGroups(stores));
  describe('fencing', () => fences(stores));
  describe('parking', () => parkedEvents(stores));
  describe('interruptions', () => interruptions(stores));
  describe('processes', () => processes(stores));
}
