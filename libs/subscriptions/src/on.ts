// @On marks the method that takes an event type, for consumer groups and projectors alike.
import type { Type } from '@nestjs/common';
import type { DomainEvent, RecordedEvent } from '@concord/kernel';
import type { GroupContext } from './groups/consumer-groups.js';

const METHODS = Symbol('concord:on');

/** Declares the method that handles an event type. */
export function On<Event extends DomainEvent>(
  eventType: Event['type'],
): <Key extends string>(
  target: Record<Key, (event: RecordedEvent<Event>, context: GroupContext) => Promise<void>>,
  method: Key,
) => void {
  return (target, method) => {
    const methods = (Reflect.getOwnMetadata(METHODS, target) ?? {}) as Record<string, string>;
    if (methods[eventType]) {
      throw new Error(`${eventType} has two methods, ${methods[eventType]} and ${method}: keep one`);
    }
    Reflect.defineMetadata(METHODS, { ...methods, [eventType]: method }, target);
  };
}

/** The marked methods of a class by event type, bound to an instance. */
export function methodsOf<Method extends (...given: never[]) => unknown>(
  type: Type,
  instance: object,
): ReadonlyMap<string, Method> {
  const methods = (Reflect.getMetadata(METHODS, type.prototype as object) ?? {}) as Record<string, string>;
  return new Map(
    Object.entries(methods).map(([eventType, name]) => {
      const method = (instance as Record<string, Method>)[name] as Method;
      return [eventType, method.bind(instance) as Method];
    }),
  );
}
