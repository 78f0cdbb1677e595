// npx concord <command>: what operators ask of a database of Concord's.
import { runConcord } from './run-concord.js';

await runConcord(process.argv.slice(2));
