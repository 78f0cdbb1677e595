// How a class says that it is the handler of a consumer group.
import { Injectable, type Type } from '@nestjs/common';
import { methodsOf } from '../on.js';
import type { ConsumerGroupOptions, HandleEvent } from './consumer-groups.js';

/** What @ConsumerGroup declares: the options of a group; the event types are those of the methods. */
export type ConsumerGroupDeclaration = Omit<ConsumerGroupOptions, 'types'>;

/** A declared group with the handlers of an instance. */
export interface ConsumerGroupDefinition {
  readonly options: ConsumerGroupOptions;
  readonly handle: HandleEvent;
}

const OPTIONS = Symbol('concord:consumer-group');

/** Declares a class of handlers as a consumer group; it is then found among the providers of any module. */
export function ConsumerGroup(options: ConsumerGroupDeclaration): ClassDecorator {
  return (target) => {
    Reflect.defineMetadata(OPTIONS, options, target);
    Injectable()(target);
  };
}

/** Reads the declaration of a class; undefined for any other class. Errors: one without methods throws. */
export function consumerGroupOf(type: Type, instance: object): ConsumerGroupDefinition | undefined {
  const options = Reflect.getMetadata(OPTIONS, type) as ConsumerGroupDeclaration | undefined;
  if (!options) return undefined;
  const methods = methodsOf<HandleEvent>(type, instance);
  if (methods.size === 0) throw new Error(`${type.name} handles nothing: mark its methods with @On('EventType')`);
  return {
    options: { ...options, types: [...methods.keys()] },
    handle: async (event, context) => methods.get(event.type)?.(event, context),
  };
}
