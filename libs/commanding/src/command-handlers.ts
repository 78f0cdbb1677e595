// Puts the pipeline around every @CommandHandler, and refuses to start when a command has no handler, or two.
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { type InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import { CommandPipeline } from './command-pipeline.js';
import { DomainCommand } from './domain-command.js';

/** A command class, as declared to CommandingModule.forContext(). */
export type CommandClass = abstract new (...args: never[]) => DomainCommand;

/** The commands of one bounded context. */
export class ContextCommands {
  constructor(readonly classes: readonly CommandClass[]) {}
}

interface Handler {
  execute(command: DomainCommand): Promise<unknown>;
}

// Where @nestjs/cqrs keeps the command class of a handler.
const COMMAND_HANDLER_METADATA = '__commandHandler__';

@Injectable()
export class CommandHandlers implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly pipeline: CommandPipeline,
  ) {}

  onModuleInit(): void {
    const providers = this.discovery.getProviders();
    const handlers = new Map<unknown, InstanceWrapper>();
    for (const provider of providers) {
      const command: unknown = provider.metatype && Reflect.getMetadata(COMMAND_HANDLER_METADATA, provider.metatype);
      if (command === undefined || command === null) continue;
      const other = handlers.get(command);
      if (other && other.instance !== provider.instance) throw twice(command, other, provider);
      handlers.set(command, provider);
    }
    const declared = providers
      .map((provider) => provider.instance as unknown)
      .filter((instance) => instance instanceof ContextCommands)
      .flatMap((context) => context.classes);
    for (const command of declared) {
      if (!handlers.has(command)) throw new Error(`no handler for ${command.name}: add a class with @CommandHandler(${command.name}) to the providers of its module`);
    }
    for (const [command, provider] of handlers) {
      if ((command as CommandClass).prototype instanceof DomainCommand) this.wrap(command as CommandClass, provider);
    }
  }

  private wrap(command: CommandClass, provider: InstanceWrapper): void {
    if (!provider.isDependencyTreeStatic()) {
      throw new Error(`the handler of ${command.name} is request-scoped: inject singletons, and take the tenant from the context`);
    }
    const handler = provider.instance as Handler;
    const execute = handler.execute.bind(handler);
    handler.execute = (received) => this.pipeline.run(received, () => execute(received));
  }
}

function twice(command: unknown, one: InstanceWrapper, other: InstanceWrapper): Error {
  const name = (command as CommandClass).name;
  return new Error(`${name} has two handlers, ${one.name as string} and ${other.name as string}: remove one`);
}
