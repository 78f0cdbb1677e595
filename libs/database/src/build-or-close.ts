// Nest calls no hook of an app that it could not build: what its modules have opened by then, nobody would close.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { OpenDatabase } from './open-database.js';

const openedWhileBuilding = new AsyncLocalStorage<Promise<OpenDatabase>[]>();

/** Builds an app. When that fails, closes the databases of its DatabaseModule. Errors: those of `build`. */
export async function buildOrClose<App>(build: () => Promise<App>): Promise<App> {
  const opened: Promise<OpenDatabase>[] = [];
  try {
    return await openedWhileBuilding.run(opened, build);
  } catch (error) {
    // What is being opened beside the module that failed, too.
    await Promise.allSettled(opened.map(async (opening) => (await opening).close()));
    throw error;
  }
}

/** For DatabaseModule: closes it when the app that is being built does not come to be. */
export function whileBuilding(opening: Promise<OpenDatabase>): Promise<OpenDatabase> {
  openedWhileBuilding.getStore()?.push(opening);
  return opening;
}
