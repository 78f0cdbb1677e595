// Pages, item by item: an async generator, without the three promises that one makes of every item.

/** Items in the order of their pages. Who stops early ends the pages, too. */
export function eachOf<T>(pages: AsyncGenerator<readonly T[]>): AsyncIterableIterator<T> {
  let page: readonly T[] = [];
  let at = 0;
  let isOver = false;
  // Whoever asks before the next page is there is answered after those who asked before.
  let turning: Promise<unknown> | undefined;

  const turn = async (): Promise<IteratorResult<T, undefined>> => {
    while (!isOver) {
      if (at < page.length) return { done: false, value: page[at++] as T };
      const turned = await pages.next();
      if (turned.done) break;
      page = turned.value;
      at = 0;
    }
    return { done: true, value: undefined };
  };

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next(): Promise<IteratorResult<T, undefined>> {
      if (!turning && at < page.length) return Promise.resolve({ done: false, value: page[at++] as T });
      const turned = turning ? turning.then(turn, turn) : turn();
      turning = turned;
      const isTurned = (): void => {
        if (turning === turned) turning = undefined;
      };
      turned.then(isTurned, isTurned);
      return turned;
    },
    async return(): Promise<IteratorResult<T, undefined>> {
      isOver = true;
      page = [];
      await pages.return(undefined);
      return { done: true, value: undefined };
    },
  };
}
