// The rules that a review should not have to spend words on. Who may import whom is .dependency-cruiser.cjs's matter,
// and how code is laid out is prettier's.
import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const SPECS = ['**/*.spec.ts'];
const DOMAIN = ['libs/domain/src/**/*.ts', 'apps/*/src/*/domain/**/*.ts'];

const SIZES = {
  complexity: ['error', 10],
  'max-depth': ['error', 3],
  'max-lines': ['error', { max: 250, skipBlankLines: true, skipComments: true }],
  'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
  'max-params': ['error', 4],
};

const focused = (selector) => ({ selector, message: 'A focused or switched-off test is not committed.' });
const EVERYWHERE = [
  focused('CallExpression[callee.object.name=/^(it|test|describe)$/][callee.property.name=/^(only|skip|failing)$/]'),
  focused('CallExpression[callee.name=/^([fx](it|describe)|xtest)$/]'),
  {
    selector: 'ClassDeclaration[id.name=/(Manager|Helper|Helpers|Util|Utils)$/]',
    message: 'Name the class after what it is: see docs/glossary.md.',
  },
  { selector: 'TSEnumDeclaration', message: 'Write a union of string literals.' },
];
const impure = (selector) => ({ selector, message: 'Decisions are pure: time, ids and chance arrive in the command.' });
const IN_DOMAIN = [
  impure('NewExpression[callee.name=Date][arguments.length=0]'),
  impure('CallExpression[callee.object.name=Date][callee.property.name=now]'),
  impure('CallExpression[callee.object.name=Math][callee.property.name=random]'),
  impure('CallExpression[callee.property.name=randomUUID], CallExpression[callee.name=randomUUID]'),
];

export default defineConfig(
  globalIgnores(['dist/', 'coverage/', '.concord*/', 'migrations/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.{ts,mts}'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // With emitDecoratorMetadata the rule leaves files with decorators alone: what Nest injects stays a value import.
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/consistent-type-exports': 'error',
      // Nest's modules and TypeORM's row classes are classes for the sake of their decorators.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],
      // Nest's and TypeORM's option types are classes that are written as object literals.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // A port may be asynchronous where one of its adapters (memory/) has nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      // A type parameter that is named once may still be there to be named by the caller: find<Row>(...).
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
    },
  },
  {
    rules: {
      ...SIZES,
      'no-restricted-syntax': ['error', ...EVERYWHERE],
      eqeqeq: 'error',
      'prefer-const': 'error',
      'no-console': 'error',
    },
  },
  { files: DOMAIN, ignores: SPECS, rules: { 'no-restricted-syntax': ['error', ...EVERYWHERE, ...IN_DOMAIN] } },
  {
    files: [...SPECS, 'test/**/*.{ts,mts}', 'libs/testing/**/*.ts'],
    rules: {
      // Answers of HTTP calls and rows of queries are `any` until the test says what it expects of them.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  // A suite is one function (`describe`); the limit on a file's length still holds.
  { files: [...SPECS, 'test/contract/**/*.ts'], rules: { 'max-lines-per-function': 'off' } },
  {
    files: ['**/*.js', '**/*.cjs', '**/*.mjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        Buffer: 'readonly',
        setTimeout: 'readonly',
      },
    },
  },
  {
    files: ['**/*.cjs'],
    languageOptions: { sourceType: 'commonjs', globals: { require: 'readonly', module: 'writable' } },
  },
  // What runs in a terminal speaks to it.
  { files: ['apps/*/src/cli/**', 'bench/**', 'scripts/**', 'test/*.{js,mts}'], rules: { 'no-console': 'off' } },
);
