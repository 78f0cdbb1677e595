// Statements that begin or end a transaction. These are Database.transaction()'s own: sent past it, half of its work would be
// committed, or a connection would go back to the pool with a transaction open in it. Savepoints are everybody's.
import { InvalidArgument } from '@concord/kernel';

/** What is no statement's beginning: comments, what is quoted, and the bodies of functions. */
const INSIDE =
  /--[^\n]*|\/\*[^]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[^]*?\$\1\$|\bbegin\s+atomic\b[^]*?;\s*end\b/gi;
const CONTROL =
  /(?:^|;)\s*(begin|start\s+transaction|commit|end|abort|prepare\s+transaction|rollback(?!\s+(?:(?:work|transaction)\s+)?to\b))\b/i;
/** Quick to see that most are none. */
const MAYBE = /\b(?:begin|transaction|commit|end|abort|rollback)\b/i;

/** Named ones are few and come again and again: each is looked through once. */
const looked = new Map<string, string | undefined>();

interface Asked {
  readonly name?: string | undefined;
  readonly text: string;
}

/** Errors: InvalidArgument. */
export function refuseTransactionControl(statement: Asked): void {
  const refusal = refusalOf(statement);
  if (refusal) throw refusal;
}

/** Why a statement is refused, if it is. */
export function refusalOf({ name, text }: Asked): InvalidArgument | undefined {
  const word = name === undefined ? controlIn(text) : known(text);
  if (word === undefined) return undefined;
  return new InvalidArgument(
    `"${word}" is not for query(): use transaction(), which commits when its work ends and rolls back when that throws`,
  );
}

function known(text: string): string | undefined {
  if (!looked.has(text)) looked.set(text, controlIn(text));
  return looked.get(text);
}

function controlIn(text: string): string | undefined {
  return MAYBE.test(text) ? CONTROL.exec(text.replaceAll(INSIDE, ' '))?.[1] : undefined;
}
