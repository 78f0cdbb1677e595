import { consumerGroupsContract } from './consumer-groups.contract.js';
import { onPostgres } from './consumer-groups/kit.js';

describe('consumer groups, with the events on PostgreSQL', () => consumerGroupsContract(onPostgres));
