/**
 * Directives by name. `directive` is called with the `#` just read; a handler reads the rest of the line.
 */
import { suggest } from '../../did-you-mean.ts';
import type { PpToken } from '../lexer.ts';
import { elseDirective, endifDirective, ifDirective, leaveConditionals } from './conditionals.ts';
import { defineDirective, undefDirective } from './define.ts';
import { includeDirective, lineDirective, skipDirective } from './include.ts';
import { endLine, readLine, textOf } from './line.ts';
import { pragmaDirective } from './pragma.ts';
import type { OpenFile, Preprocessor } from './preprocessor.ts';

export { leaveConditionals };

type Handler = (pp: Preprocessor, file: OpenFile, name: PpToken) => void;

const HANDLERS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['define', defineDirective],
  ['undef', undefDirective],
  ['include', includeDirective],
  ['include_next', includeDirective],
  ['import', includeDirective],
  ['if', ifDirective],
  ['ifdef', ifDirective],
  ['ifndef', ifDirective],
  ['elif', elseDirective],
  ['elifdef', elseDirective],
  ['elifndef', elseDirective],
  ['else', elseDirective],
  ['endif', endifDirective],
  ['line', lineDirective],
  ['pragma', pragmaDirective],
  ['error', messageDirective],
  ['warning', messageDirective],
  ['ident', skipDirective],
  ['sccs', skipDirective],
]);

function messageDirective(pp: Preprocessor, file: OpenFile, name: PpToken): void {
  const text = textOf(readLine(file.lexer));
  if (name.text === 'error') pp.diagnostics.error('user-error', name.loc, text === '' ? '#error' : text);
  else pp.diagnostics.warn('user-warning', name.loc, text === '' ? '#warning' : text);
}

export function directive(pp: Preprocessor, file: OpenFile, hash: PpToken): void {
  const { lexer } = file;
  file.directiveAt = lexer.pos - (hash.mark ? 2 : 1);
  lexer.inDirective = true;
  const name = lexer.next();
  if (name.kind === 'eof') {
    lexer.inDirective = false;
    return;
  }
  const handler = name.kind === 'ident' ? HANDLERS.get(name.text) : undefined;
  if (handler !== undefined) {
    handler(pp, file, name);
  } else if (name.kind === 'number') {
    lineDirective(pp, file, name);
  } else {
    const better = suggest(name.text, HANDLERS.keys());
    pp.diagnostics.error(
      'unknown-directive',
      name.loc,
      `there is no directive '#${name.text}'`,
      better === undefined ? undefined : [{ message: `did you mean '#${better}'?`, loc: name.loc }],
    );
    endLine(lexer);
  }
}
