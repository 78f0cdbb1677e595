// What a lock service does, wherever it keeps the locks.
import { crowds } from './locking/crowds.js';
import type { LockStores } from './locking/kit.js';
import { leases } from './locking/leases.js';
import { modes } from './locking/modes.js';
import { wounds } from './locking/wounds.js';

export function lockingContract(stores: LockStores): void {
  describe('modes and turns', () => modes(stores));
  describe('wounds and fences', () => wounds(stores));
  describe('leases', () => leases(stores));
  describe('crowds', () => crowds(stores));
}
