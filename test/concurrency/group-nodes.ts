// What the specs of consumer groups begin with: a database for each test, and nodes that have connections of their own.
import type { StreamName } from '@concord/kernel';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import { countHandled, type Node, openNode, tables } from '../fixtures/group-member.js';

/** The group that every node joins. */
export const group = 'spec';
export const clean = { missing: 0, repeated: 0, disordered: 0 };

/** Call it once in a spec file. Opens a node in the running test's database; it is closed with the test. */
export function nodesOfTests(): (poolSize?: number) => Promise<Node> {
  let testDatabase: TestDatabase;
  let nodes: Node[] = [];
  beforeEach(async () => {
    testDatabase = await createTestDatabase();
    await withClient(testDatabase.url, (client) => client.query(tables));
    nodes = [];
  });
  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.close()));
    await testDatabase.drop();
  });
  return async (poolSize) => {
    const opened = await openNode(testDatabase.url, poolSize);
    nodes.push(opened);
    return opened;
  };
}

export function streams(count: number): StreamName[] {
  return Array.from({ length: count }, (_, n): StreamName => `order-${n}`);
}

export const allHandled = (of: Node) => async (): Promise<boolean> =>
  (await countHandled(of.database, group)).missing === 0;
