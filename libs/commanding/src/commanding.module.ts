// Nest wiring of the command pipeline.
import { type DynamicModule, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { CqrsModule } from '@nestjs/cqrs';
import { Aggregates } from './aggregates.js';
import { type CommandClass, CommandHandlers, ContextCommands } from './command-handlers.js';
import { CommandingOptions } from './commanding-options.js';
import { CommandPipeline } from './command-pipeline.js';

/** Makes the CommandBus of @nestjs/cqrs the way into the pipeline. */
@Module({})
export class CommandingModule {
  /**
   * Once, in the app's root module. Needs a global provider of EventStore; with one of LockService, commands on several
   * aggregates run under its locks, else under those of the store.
   */
  static forRoot(options: Partial<CommandingOptions> = {}): DynamicModule {
    return {
      module: CommandingModule,
      global: true,
      imports: [CqrsModule.forRoot(), DiscoveryModule],
      providers: [
        Aggregates,
        CommandPipeline,
        CommandHandlers,
        { provide: CommandingOptions, useValue: new CommandingOptions(options) },
      ],
      exports: [Aggregates, CqrsModule],
    };
  }

  /** In each bounded context: its commands, so that one without a handler is found at boot. */
  static forContext(commands: readonly CommandClass[]): DynamicModule {
    const token = `ContextCommands(${commands.map((command) => command.name).join()})`;
    return { module: CommandingModule, providers: [{ provide: token, useValue: new ContextCommands(commands) }] };
  }
}
