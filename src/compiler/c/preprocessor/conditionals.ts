/**
 * `#if` and its kind: which groups of a file are read. A group that is left out is run over by the lexer, line by
 * line, looking only for directives.
 */
import type { Loc } from '../../diagnostics.ts';
import type { PpToken } from '../lexer.ts';
import { evaluateCondition } from './if-expression.ts';
import { endLine, expectEnd, readLine } from './line.ts';
import type { OpenFile, Preprocessor } from './preprocessor.ts';

export interface Condition {
  readonly loc: Loc;
  readonly directive: string;
  /** One of its groups was read; the rest are not. */
  taken: boolean;
  /** Where its `#else` stands, 0 before it. */
  elseAt: Loc;
  /** The file's first directive was `#ifndef guard`, nothing before it: maybe an include guard. */
  guard: string | undefined;
}

export function ifDirective(pp: Preprocessor, file: OpenFile, name: PpToken): void {
  const first = file.directiveAt === file.firstAt;
  let guard: string | undefined;
  let value: boolean;
  if (name.text === 'if') {
    const line = readLine(file.lexer);
    if (first) guard = guardOf(line);
    value = evaluateCondition(pp, name, line);
  } else {
    const macro = macroName(pp, file, name);
    if (first && name.text === 'ifndef') guard = macro;
    value = macro !== undefined && isDefined(pp, macro) === (name.text === 'ifdef');
  }
  file.conditions.push({ loc: name.loc, directive: name.text, taken: value, elseAt: 0, guard });
  if (!value) skip(pp, file);
}

/** `#elif`, `#elifdef`, `#elifndef`, `#else` behind a group that was read: the rest is left out. */
export function elseDirective(pp: Preprocessor, file: OpenFile, name: PpToken): void {
  const condition = file.conditions.at(-1);
  if (condition === undefined) {
    pp.diagnostics.error('conditional-without-if', name.loc, `'#${name.text}' without '#if'`);
    endLine(file.lexer);
    return;
  }
  orderOf(pp, condition, name);
  condition.guard = undefined;
  if (name.text === 'else') {
    condition.elseAt ||= name.loc;
    expectEnd(pp, file.lexer, name);
  }
  skip(pp, file);
}

export function endifDirective(pp: Preprocessor, file: OpenFile, name: PpToken): void {
  const condition = file.conditions.pop();
  if (condition === undefined) pp.diagnostics.error('conditional-without-if', name.loc, "'#endif' without '#if'");
  expectEnd(pp, file.lexer, name);
  if (condition?.guard !== undefined && file.conditions.length === 0 && file.lexer.peek() < 0)
    pp.guards.set(file.header.name, condition.guard);
}

/** At the end of a file: every conditional must be closed. */
export function leaveConditionals(pp: Preprocessor, file: OpenFile): void {
  for (const condition of file.conditions)
    pp.diagnostics.error('unterminated-conditional', condition.loc, `'#${condition.directive}' without '#endif'`);
}

function isDefined(pp: Preprocessor, name: string): boolean {
  return pp.lookup(name) !== null;
}

/** The macro that `#ifdef` or the like names; undefined after an error. */
function macroName(pp: Preprocessor, file: OpenFile, directive: PpToken): string | undefined {
  const token = file.lexer.next();
  if (token.kind !== 'ident') {
    pp.diagnostics.error(
      'missing-macro-name',
      token.kind === 'eof' ? directive.loc : token.loc,
      `'#${directive.text}' needs the name of a macro`,
    );
    endLine(file.lexer);
    return undefined;
  }
  pp.checkPoison(token);
  expectEnd(pp, file.lexer, directive);
  return token.text;
}

/** `!defined X` or `!defined(X)` and nothing else. */
function guardOf(line: readonly PpToken[]): string | undefined {
  const text = line.map((token) => token.text);
  if (text[0] !== '!' || text[1] !== 'defined') return undefined;
  if (text.length === 3 && line[2]!.kind === 'ident') return text[2];
  return text.length === 5 && text[2] === '(' && text[4] === ')' && line[3]!.kind === 'ident' ? text[3] : undefined;
}

function orderOf(pp: Preprocessor, condition: Condition, name: PpToken): void {
  if (condition.elseAt === 0) return;
  pp.diagnostics.error('conditional-after-else', name.loc, `'#${name.text}' behind '#else'`, [
    { message: "'#else' is here", loc: condition.elseAt },
  ]);
}

/** Runs to the group of the innermost condition that is to be read, or to behind its `#endif`. */
function skip(pp: Preprocessor, file: OpenFile): void {
  const { lexer, conditions } = file;
  const level = conditions.length;
  while (lexer.skipToDirective()) {
    const name = lexer.next();
    const condition = conditions.at(-1)!;
    const own = conditions.length === level;
    switch (name.kind === 'ident' ? name.text : '') {
      case 'if':
      case 'ifdef':
      case 'ifndef':
        conditions.push({ loc: name.loc, directive: name.text, taken: true, elseAt: 0, guard: undefined });
        break;
      case 'endif':
        if (own) {
          endifDirective(pp, file, name);
          return;
        }
        conditions.pop();
        break;
      case 'else':
        orderOf(pp, condition, name);
        condition.elseAt ||= name.loc;
        condition.guard = undefined;
        if (!own || condition.taken) break;
        condition.taken = true;
        expectEnd(pp, lexer, name);
        return;
      case 'elif':
      case 'elifdef':
      case 'elifndef': {
        orderOf(pp, condition, name);
        condition.guard = undefined;
        if (!own || condition.taken) break;
        if (name.text === 'elif') condition.taken = evaluateCondition(pp, name, readLine(lexer));
        else {
          const macro = macroName(pp, file, name);
          condition.taken = macro !== undefined && isDefined(pp, macro) === (name.text === 'elifdef');
        }
        if (condition.taken) return;
        break;
      }
      default:
        break;
    }
  }
}
