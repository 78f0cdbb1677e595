// Finds SQLSTATE codes written into TypeScript: strings such as '23505', and our own such as 'CN001'.
import ts from 'typescript';

// The classes of PostgreSQL's error codes (its appendix A), and CN for Concord's own.
const SQLSTATE = /^(?:0[0-389ABFLPZ]|10|2[0-8BDF]|3[489BDF]|4[024]|5[34578]|72|F0|HV|P0|XX|CN)[0-9A-Z]{3}$/;

/** The SQLSTATE literals of a source text, each as `line: code`. Comments may name codes freely. */
export function findSqlstates(text: string): string[] {
  const source = ts.createSourceFile('source.ts', text, ts.ScriptTarget.ES2023, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const code = literalText(node);
    if (code !== undefined && SQLSTATE.test(code)) {
      found.push(`${String(source.getLineAndCharacterOfPosition(node.getStart()).line + 1)}: ${code}`);
    }
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(source, visit);
  return found;
}

function literalText(node: ts.Node): string | undefined {
  if (ts.isStringLiteralLike(node)) return node.text;
  // As a key of an object, where it needs no quotes: { 23505: ..., CN001: ... }
  if (ts.isPropertyAssignment(node.parent) && node.parent.name === node) return node.getText();
  return undefined;
}
