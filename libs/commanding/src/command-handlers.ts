// Puts the pipeline around every @CommandHandler, and refuses to start when a command has no handler, or two.
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { type InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import { CommandPipeline } from './command-pipeline.js';
import { DomainCommand } from './domain-command.js';

/** A command class, as declared to CommandingModule.forContext(). */
export type CommandClass = abstract new (...args: never[]) => DomainCommand<unknown, unknown>;

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

  /** Errors: a command with two handlers, a declared one with none, and a request-scoped handler throw. */
  onModuleInit(): void {
    const providers = this.discovery.getProviders();
    const handlers = handlersOf(providers);
    for (const command of declaredIn(providers)) {
      if (!handlers.has(command)) throw missing(command);
    }
    for (const [command, provider] of handlers) {
      if (command.prototype instanceof DomainCommand) this.wrap(command, provider);
    }
  }

  private wrap(command: CommandClass, provider: InstanceWrapper): void {
    if (!provider.isDependencyTreeStatic()) {
      throw new Error(
        `the handler of ${command.name} is request-scoped: inject singletons, and take the tenant from the context`,
      );
    }
    const handler = provider.instance as Handler;
    const execute = handler.execute.bind(handler);
    handler.execute = (received) => this.pipeline.run(received, () => execute(received), handler);
  }
}

function handlersOf(providers: readonly InstanceWrapper[]): Map<CommandClass, InstanceWrapper> {
  const handlers = new Map<CommandClass, InstanceWrapper>();
  for (const provider of providers) {
    if (!provider.metatype) continue;
    const command = Reflect.getMetadata(COMMAND_HANDLER_METADATA, provider.metatype) as CommandClass | undefined;
    const other = command && handlers.get(command);
    if (other && other.instance !== provider.instance) throw twice(command, other, provider);
    if (command) handlers.set(command, provider);
  }
  return handlers;
}

function declaredIn(providers: readonly InstanceWrapper[]): CommandClass[] {
  return providers
    .map((provider) => provider.instance as unknown)
    .filter((instance) => instance instanceof ContextCommands)
    .flatMap((context) => context.classes);
}

function missing({ name }: CommandClass): Error {
  return new Error(`no handler for ${name}: add a class with @CommandHandler(${name}) to the providers of its module`);
}

function twice({ name }: CommandClass, one: InstanceWrapper, other: InstanceWrapper): Error {
  return new Error(`${name} has two handlers, ${String(one.name)} and ${String(other.name)}: remove one`);
}
