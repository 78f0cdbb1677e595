// Gathers the upcasts of all contexts at boot, before anything is read.
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import type { Upcast } from '@concord/domain';
import { EventStore } from './event-store.js';

/** The upcasts of one bounded context. */
export class ContextUpcasts {
  constructor(readonly upcasts: readonly Upcast[]) {}
}

@Injectable()
export class UpcastRegistry implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly store: EventStore,
  ) {}

  /** Errors: InvalidArgument for a chain that does not lead from every version to the present one. */
  onModuleInit(): void {
    const contexts = this.discovery
      .getProviders()
      .map((provider) => provider.instance as unknown)
      .filter((instance) => instance instanceof ContextUpcasts);
    this.store.useUpcasts(contexts.flatMap(({ upcasts }) => upcasts));
  }
}
