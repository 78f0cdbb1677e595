// Nest wiring of projections. Projectors are providers of any module, marked with @Projection.
import { type DynamicModule, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { InlineProjections } from '@concord/commanding';
import { InlineProjector } from './inline-projector.js';
import { PositionWaits } from './position-waits.js';
import { ProjectionRegistry } from './projection-registry.js';
import { Projections, ProjectionSettings } from './projections.js';
import { ReadModels } from './read-models.js';

/** Finds projectors and runs them. */
@Module({})
export class ProjectionsModule {
  /**
   * Once, in the app's root module. `run: false`: this process does not run the asynchronous ones. `deploy: false`: nor does it build
   * what is new here, for a tool that only looks.
   */
  static forRoot({
    run = true,
    deploy = true,
  }: { readonly run?: boolean; readonly deploy?: boolean } = {}): DynamicModule {
    return {
      module: ProjectionsModule,
      global: true,
      imports: [DiscoveryModule],
      providers: [
        ProjectionRegistry,
        Projections,
        PositionWaits,
        ReadModels,
        { provide: ProjectionSettings, useValue: new ProjectionSettings(run, deploy) },
        { provide: InlineProjections, useClass: InlineProjector },
      ],
      exports: [Projections, PositionWaits, ReadModels, InlineProjections],
    };
  }
}
