// All projectors of the app, found at boot.
import { Injectable, type OnModuleInit, type Type } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { InvalidArgument } from '@concord/kernel';
import { definitionOf, type ProjectionDefinition } from './projection.js';
import { RowsProjectedTwice } from './projection-errors.js';

@Injectable()
export class ProjectionRegistry implements OnModuleInit {
  private readonly definitions = new Map<string, ProjectionDefinition>();

  constructor(private readonly discovery: DiscoveryService) {}

  onModuleInit(): void {
    for (const { metatype, instance } of this.discovery.getProviders()) {
      if (typeof metatype !== 'function' || !instance) continue;
      const definition = definitionOf(metatype as Type, instance as object);
      if (definition) this.add(definition);
    }
  }

  /** Every projection, by name. */
  get all(): readonly ProjectionDefinition[] {
    return [...this.definitions.values()];
  }

  /** Errors: InvalidArgument that lists the names there are. */
  get(name: string): ProjectionDefinition {
    const definition = this.definitions.get(name);
    if (definition) return definition;
    throw new InvalidArgument(
      `no projection "${name}": there are ${[...this.definitions.keys()].join(', ') || 'none'}`,
    );
  }

  private add(definition: ProjectionDefinition): void {
    if (this.definitions.has(definition.name)) {
      throw new Error(`two projections are called "${definition.name}": rename one`);
    }
    for (const other of this.definitions.values()) {
      const both = definition.rows.find((row) => other.rows.includes(row));
      if (both) throw new RowsProjectedTwice(both.name, other.name, definition.name);
    }
    this.definitions.set(definition.name, definition);
  }
}
