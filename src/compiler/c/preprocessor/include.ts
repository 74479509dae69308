/**
 * `#include`, `#include_next`, `#import`, and the question `__has_include` asks.
 */
import type { PpToken } from '../lexer.ts';
import { type Header, identityOf } from './headers.ts';
import { endLine, expectEnd, readLine, textOf } from './line.ts';
import type { OpenFile, Preprocessor } from './preprocessor.ts';

interface HeaderName {
  readonly path: string;
  readonly quoted: boolean;
  readonly token: PpToken;
}

/** `<a/b.h>` or `"a/b.h"` as one token; or `<`, `a`, …, `>` as macros give it. */
export function headerOf(tokens: readonly PpToken[]): HeaderName | undefined {
  const first = tokens[0];
  if (first === undefined) return undefined;
  if (first.kind === 'string' && /^["<]/.test(first.text))
    return { path: first.text.slice(1, -1), quoted: first.text.startsWith('"'), token: first };
  if (first.text !== '<') return undefined;
  const close = tokens.findIndex((token) => token.text === '>' && token.kind === 'punct');
  if (close < 0) return undefined;
  return { path: textOf(tokens.slice(1, close)), quoted: false, token: first };
}

export function resolveHeader(pp: Preprocessor, path: string, quoted: boolean, next: boolean): Header | undefined {
  const from = pp.files.at(-1)?.header ?? { name: '', text: '' };
  // Nothing is "next" to a main file: there it is an ordinary include.
  return pp.options.resolve?.({ path, quoted, next: next && pp.files.length > 1, from });
}

export function includeDirective(pp: Preprocessor, file: OpenFile, directive: PpToken): void {
  const { lexer } = file;
  let token = lexer.headerName();
  let name: HeaderName | undefined;
  if (token !== undefined) {
    name = headerOf([token]);
    expectEnd(pp, lexer, directive);
  } else {
    const line = pp.expandList(readLine(lexer));
    token = line[0];
    name = headerOf(line);
    const used = name === undefined ? 0 : name.token.text === '<' ? line.findIndex((t) => t.text === '>') + 1 : 1;
    if (name !== undefined && line.length > used) pp.warn('extra-tokens', line[used]!.loc, `extra text behind '#${directive.text}'`);
  }
  if (pp.stopped) return;
  if (name === undefined || name.path === '') {
    pp.diagnostics.error('bad-include', token?.loc ?? directive.loc, `'#${directive.text}' needs "a file" or <a file>`);
    return;
  }
  if (pp.collecting > 0) {
    pp.diagnostics.error('include-in-arguments', directive.loc, `'#${directive.text}' cannot stand among the arguments of a macro`);
    return;
  }
  if (directive.text === 'include_next' && pp.files.length === 1)
    pp.warn('include-next-in-main', directive.loc, "'#include_next' in a main file is the same as '#include'");
  const header = resolveHeader(pp, name.path, name.quoted, directive.text === 'include_next');
  if (header === undefined) {
    pp.diagnostics.error('include-not-found', name.token.loc, `there is no file '${name.path}' to include`);
    return;
  }
  if (header.warning !== undefined) pp.warn('library-header', name.token.loc, header.warning);
  const identity = identityOf(header);
  if (pp.once.has(identity)) return;
  if (directive.text === 'import') {
    pp.once.add(identity);
    if (pp.entered.has(identity)) return;
  }
  const guard = pp.guards.get(header.name);
  if (guard !== undefined && pp.lookup(guard) !== null) return;
  pp.entered.add(identity);
  pp.open(header, directive.loc);
}

/** `#line 12 "file"`, and `# 12 "file" 1 3` as preprocessors write it. */
export function lineDirective(pp: Preprocessor, file: OpenFile, directive: PpToken): void {
  const { lexer } = file;
  const marker = directive.kind === 'number';
  const line = marker ? [directive, ...readLine(lexer)] : pp.expandList(readLine(lexer));
  const [number, name] = line;
  const what = marker ? 'a line marker' : "'#line'";
  if (number === undefined || !/^[0-9]+$/.test(number.text)) {
    pp.diagnostics.error('bad-line-directive', number?.loc ?? directive.loc, `${what} needs a line number`);
    return;
  }
  const value = Number(number.text);
  if (value > 0x7fff_ffff) pp.warn('line-number-range', number.loc, 'line numbers end at 2147483647');
  if (name !== undefined && (name.kind !== 'string' || !name.text.startsWith('"'))) {
    pp.diagnostics.error('bad-line-directive', name.loc, `the file name of ${what} must be a string`);
    return;
  }
  if (!marker && line.length > 2) pp.warn('extra-tokens', line[2]!.loc, "extra text behind '#line'");
  if (marker && line.slice(2).some((flag) => flag.text === '3')) {
    const source = pp.source.fileOf(directive.loc);
    if (source !== undefined) source.system = true;
  }
  const path = name?.text.slice(1, -1).replace(/\\(.)/g, '$1');
  pp.source.markLine(lexer.locAt(Math.min(lexer.pos + 1, lexer.end)), Math.min(value, 0x7fff_ffff), path);
}

export function skipDirective(_pp: Preprocessor, file: OpenFile): void {
  endLine(file.lexer);
}
