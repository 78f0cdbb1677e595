// How Jest loads a spec: by Node's own import, so that packages are loaded once a worker process and not once a spec.
// Every spec has its own copy of Jest's framework, which keeps the tests it was told of in its module.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { sourceMaps } from '../load-typescript.js';

const require = createRequire(import.meta.url);

let specs = 0;

class NativeRuntime {
  isTornDown = false;

  requireInternalModule(path) {
    delete require.cache[path];
    return require(path);
  }

  requireModule(path) {
    return require(path);
  }

  unstable_shouldLoadAsEsm() {
    return true;
  }

  unstable_importModule(path) {
    return import(`${pathToFileURL(path).href}?spec=${++specs}`);
  }

  setGlobalsForRuntime() {}
  enterTestCode() {}
  leaveTestCode() {}
  getSourceMaps() {
    return sourceMaps;
  }
  getAllCoverageInfoCopy() {}
  teardown() {
    this.isTornDown = true;
  }
}

export { NativeRuntime as 'module.exports' };
