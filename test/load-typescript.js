// Lets plain Node run this repository's TypeScript, decorators and @concord/ imports included: for Jest's global setup,
// for the child processes of tests and for scripts. Usage: node --import ./test/load-typescript.js script.ts
import { existsSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { transformSync } from '@swc/core';

const libs = new URL('../libs/', import.meta.url);

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
    if (!url.startsWith('file:') || !url.endsWith('.ts') || url.includes('/node_modules/')) return next(url, context);
    const filename = fileURLToPath(url);
    const { code } = transformSync(readFileSync(filename, 'utf8'), {
      filename,
      swcrc: false,
      jsc: {
        target: 'es2023',
        parser: { syntax: 'typescript', decorators: true },
        transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: true },
        keepClassNames: true,
      },
      module: { type: 'es6' },
      sourceMaps: 'inline',
    });
    return { format: 'module', source: code, shortCircuit: true };
  },
});
