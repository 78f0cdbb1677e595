import { consumerGroupsContract } from './consumer-groups.contract.js';
import { onKurrent } from './consumer-groups/kit.js';

describe('consumer groups, with the events on KurrentDB, over apps/eventstore', () =>
  consumerGroupsContract(onKurrent));
