// How a handler gets its aggregates. Everything it loads is locked until its command has committed or failed: exclusively what
// it may change, shared what it only reads.
import { Injectable } from '@nestjs/common';
import type { AggregateType, AnyAggregate } from '@concord/domain';
import { UnitOfWork } from './unit-of-work.js';

/** What a handler reads an aggregate for. */
export interface ReadOptions {
  readonly mayChange?: boolean;
}

/** Loads aggregates within a command: inject it into handlers. */
@Injectable()
export class Aggregates {
  /** Locks (X) and loads one aggregate; one without events is new (`exists` is false). Errors: outside a command it throws. */
  async load<A extends AnyAggregate>(type: AggregateType<A>, id: string): Promise<A> {
    const [aggregate] = await this.loadAll(type, [id]);
    return aggregate as A;
  }

  /** Locks and loads several in one step and in an order that cannot deadlock: prefer it to several load() calls. */
  async loadAll<A extends AnyAggregate>(type: AggregateType<A>, ids: readonly string[]): Promise<A[]> {
    return current().load(type, ids);
  }

  /**
   * As load(), of one that is read: locked shared (S), or not at all where the handler is declared `@Isolation('snapshot')`.
   * `mayChange`: the handler decides by what it reads whether to change it; beside it others read it, but nobody else that
   * may change it (U). One that is changed after all is locked exclusively then, for which the command may run again.
   */
  async read<A extends AnyAggregate>(type: AggregateType<A>, id: string, options: ReadOptions = {}): Promise<A> {
    const [aggregate] = await this.readAll(type, [id], options);
    return aggregate as A;
  }

  /** Reads several in one step. */
  async readAll<A extends AnyAggregate>(
    type: AggregateType<A>,
    ids: readonly string[],
    { mayChange = false }: ReadOptions = {},
  ): Promise<A[]> {
    return current().read(type, ids, mayChange);
  }
}

function current(): UnitOfWork {
  const unitOfWork = UnitOfWork.current;
  if (!unitOfWork) throw new Error('aggregates are loaded in a command handler: send a command through the CommandBus');
  return unitOfWork;
}
