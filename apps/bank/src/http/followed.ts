// An endless source as GraphQL subscribes to it: leaving it stops it even while nothing comes, and its errors are problems.
import { toGraphQLError } from './graphql-errors.js';
import { reported } from './answer-error.js';

export function followed<Item>(follow: (stop: AbortSignal) => AsyncGenerator<Item, void>): AsyncIterableIterator<Item> {
  const stop = new AbortController();
  const items = follow(stop.signal);
  return {
    async next() {
      try {
        return await items.next();
      } catch (error) {
        throw toGraphQLError(reported(error));
      }
    },
    async return() {
      // A generator returns only between two items: without the signal that could be never.
      stop.abort();
      await items.return();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
