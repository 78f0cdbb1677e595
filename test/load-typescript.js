// Lets plain Node run this repository's TypeScript, decorators and @concord/ imports included: for Jest and its specs, for
// the child processes of tests and for scripts. Usage: node --import ./test/load-typescript.js script.ts
// What was transformed is kept below node_modules/.cache, by a hash of its text: most processes here start many times.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { transformSync, version } from '@swc/core';

const libs = new URL('../libs/', import.meta.url);
const cache = fileURLToPath(new URL('../node_modules/.cache/concord-typescript/', import.meta.url));
mkdirSync(cache, { recursive: true });

const options = {
  swcrc: false,
  jsc: {
    target: 'es2023',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: true },
    keepClassNames: true,
  },
  module: { type: 'es6' },
  sourceMaps: true,
};

/** Where the source map of each file is that was loaded, by the file's path and by its URL. */
export const sourceMaps = new Map();

registerHooks({
  resolve(name, context, next) {
    const lib = /^@concord\/([^/]+)$/.exec(name)?.[1];
    if (lib) return next(new URL(`${lib}/src/index.ts`, libs).href, context);
    if (name.startsWith('.') && name.endsWith('.js') && context.parentURL?.startsWith('file:')) {
      const source = new URL(name.replace(/\.js$/, '.ts'), context.parentURL);
      if (existsSync(source)) return next(source.href, context);
    }
    return next(name, context);
  },
  load(url, context, next) {
    const { protocol, pathname } = new URL(url);
    if (protocol !== 'file:' || !pathname.endsWith('.ts') || pathname.includes('/node_modules/'))
      return next(url, context);
    return { format: 'module', source: transformed(url), shortCircuit: true };
  },
});

function transformed(url) {
  const filename = fileURLToPath(url);
  const text = readFileSync(filename, 'utf8');
  const hash = createHash('sha256')
    .update(`${version}\0${JSON.stringify(options)}\0${filename}\0${text}`)
    .digest('hex');
  const [code, map] = [`${cache}${hash}.js`, `${cache}${hash}.map`];
  sourceMaps.set(filename, map).set(url, map);
  try {
    return readFileSync(code, 'utf8');
  } catch {
    const made = transformSync(text, { ...options, filename });
    write(map, made.map);
    return write(code, made.code);
  }
}

/** As a whole or not at all: other processes may do the same. */
function write(file, text) {
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, text);
  renameSync(mine, file);
  return text;
}
