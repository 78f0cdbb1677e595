// The snapshots of the memory store: the last one of each stream, as a copy.
import type { StreamName } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { Snapshot } from '../requests.js';

export class Snapshots {
  private readonly byStream = new Map<string, Snapshot>();

  find(tenant: TenantId, stream: StreamName, version: number | undefined): Snapshot | undefined {
    const snapshot = this.byStream.get(keyOf(tenant, stream));
    return snapshot?.version === version ? snapshot : undefined;
  }

  save(tenant: TenantId, stream: StreamName, snapshot: Snapshot): void {
    const known = this.byStream.get(keyOf(tenant, stream));
    const isOlder =
      known?.version === snapshot.version && known.first === snapshot.first && known.revision >= snapshot.revision;
    if (isOlder) return;
    const state = JSON.parse(JSON.stringify(snapshot.state)) as unknown;
    this.byStream.set(keyOf(tenant, stream), { ...snapshot, state });
  }

  delete(tenant: TenantId, stream: StreamName): void {
    this.byStream.delete(keyOf(tenant, stream));
  }
}

function keyOf(tenant: TenantId, stream: StreamName): string {
  return `${tenant}/${stream}`;
}
