/**
 * A macro: its parameters and its replacement, in two forms.
 *
 * `body` is the replacement list as it was written; it is lexed on first use, because most macros of a header are
 * never used. `ops` is what expansion walks: each token with what happens to it (parameter number, stringified,
 * pasted to its neighbours), `__VA_OPT__( … )` as one op with ops inside.
 */
import type { Loc } from '../../diagnostics.ts';
import type { PpToken } from '../lexer.ts';
import { spelling } from '../lexer.ts';
import type { Preprocessor } from './preprocessor.ts';

export interface Op {
  readonly token: PpToken;
  /** Index of the parameter it names, -1 for every other token. */
  readonly param: number;
  readonly stringify: boolean;
  /** A `##` stands before or behind it. */
  pasteLeft: boolean;
  pasteRight: boolean;
  /** The inside of `__VA_OPT__`. */
  readonly group: VaOpt | undefined;
}

export interface VaOpt {
  readonly ops: readonly Op[];
  /** White space before its closing parenthesis, and anywhere between the parentheses. */
  readonly spaceAtEnd: boolean;
  readonly spaceInside: boolean;
}

/** Runs in place of an expansion: returns the token that results, undefined for none. */
export type Builtin = (pp: Preprocessor, name: PpToken) => PpToken | undefined;

export type MacroOrigin = 'user' | 'system' | 'predefined' | 'constant' | 'builtin';

export class Macro {
  readonly name: string;
  readonly loc: Loc;
  /** Undefined: object-like. A variadic macro's last parameter takes the rest. */
  readonly params: readonly string[] | undefined;
  readonly variadic: boolean;
  readonly origin: MacroOrigin;
  readonly builtin: Builtin | undefined;
  /** The preprocessor that is expanding it now; another one's leftovers mean nothing, so macros can be shared. */
  busy: object | undefined = undefined;
  private tokens: readonly PpToken[] | (() => readonly PpToken[]);
  private parsed: readonly Op[] | undefined = undefined;

  constructor(
    name: string,
    loc: Loc,
    params: readonly string[] | undefined,
    variadic: boolean,
    body: readonly PpToken[] | (() => readonly PpToken[]),
    origin: MacroOrigin,
    builtin?: Builtin,
  ) {
    this.name = name;
    this.loc = loc;
    this.params = params;
    this.variadic = variadic;
    this.tokens = body;
    this.origin = origin;
    this.builtin = builtin;
  }

  get body(): readonly PpToken[] {
    if (typeof this.tokens === 'function') this.tokens = this.tokens();
    return this.tokens;
  }

  get ops(): readonly Op[] {
    return (this.parsed ??= parseOps(this.body, this.params, this.variadic).ops);
  }
}

export interface BodyError {
  readonly code: string;
  readonly token: PpToken;
  readonly message: string;
}

/** Reads `#`, `##`, parameters and `__VA_OPT__` in a replacement list; the first error, if any, makes the macro invalid. */
export function parseOps(
  body: readonly PpToken[],
  params: readonly string[] | undefined,
  variadic: boolean,
): { ops: Op[]; error: BodyError | undefined } {
  let error: BodyError | undefined;
  let at = 0;
  const index = new Map(params?.map((p, i) => [p, i]));
  const fail = (code: string, token: PpToken, message: string): void => {
    error ??= { code, token, message };
  };
  const isPaste = (token: PpToken | undefined): boolean => token !== undefined && token.kind === 'punct' && token.text === '##';
  const isVaOpt = (token: PpToken | undefined): boolean =>
    variadic && token !== undefined && token.kind === 'ident' && token.text === '__VA_OPT__';

  const group = (open: PpToken): VaOpt => {
    const from = at + 1;
    at++;
    if (body[at]?.text !== '(') {
      fail('bad-va-opt', open, "'__VA_OPT__' needs a parenthesised text behind it");
      return { ops: [], spaceAtEnd: false, spaceInside: false };
    }
    at++;
    const ops = sequence(true);
    if (at >= body.length) fail('bad-va-opt', open, "'__VA_OPT__(' is not closed");
    const spaceInside = body.slice(from, at + 1).some((token) => token.spaceBefore);
    return { ops, spaceAtEnd: body[at]?.spaceBefore === true, spaceInside };
  };

  // Leaves `at` on the closing parenthesis of a group, or behind the end.
  const sequence = (inGroup: boolean): Op[] => {
    const ops: Op[] = [];
    let depth = 0;
    let paste = false;
    for (; at < body.length; at++) {
      const token = body[at]!;
      if (inGroup && token.kind === 'punct') {
        if (token.text === '(') depth++;
        else if (token.text === ')' && depth-- === 0) break;
      }
      if (isPaste(token)) {
        const last = ops.at(-1);
        if (last === undefined) fail('misplaced-paste', token, `'##' cannot stand first in ${inGroup ? "'__VA_OPT__'" : 'a macro'}`);
        else last.pasteRight = true;
        paste = true;
        continue;
      }
      let op: Op;
      if (params !== undefined && token.kind === 'punct' && token.text === '#') {
        const operand = body[at + 1];
        if (isVaOpt(operand) && !inGroup) {
          at++;
          op = { token, param: -1, stringify: true, pasteLeft: paste, pasteRight: false, group: group(operand!) };
        } else {
          const param = operand?.kind === 'ident' ? index.get(operand.text) : undefined;
          if (param === undefined) {
            fail('stray-stringify', token, "'#' is not followed by a parameter of the macro");
            op = { token, param: -1, stringify: false, pasteLeft: paste, pasteRight: false, group: undefined };
          } else {
            at++;
            op = { token, param, stringify: true, pasteLeft: paste, pasteRight: false, group: undefined };
          }
        }
      } else if (isVaOpt(token) && !inGroup) {
        op = { token, param: -1, stringify: false, pasteLeft: paste, pasteRight: false, group: group(token) };
      } else {
        if (isVaOpt(token)) fail('bad-va-opt', token, "'__VA_OPT__' cannot stand inside '__VA_OPT__'");
        const param = token.kind === 'ident' ? (index.get(token.text) ?? -1) : -1;
        op = { token, param, stringify: false, pasteLeft: paste, pasteRight: false, group: undefined };
      }
      paste = false;
      ops.push(op);
    }
    if (paste && ops.length > 0)
      fail('misplaced-paste', body[at - 1]!, `'##' cannot stand last in ${inGroup ? "'__VA_OPT__'" : 'a macro'}`);
    return ops;
  };

  return { ops: sequence(false), error };
}

/** Same parameters, same tokens, white space in the same places: redefinition as C allows it (6.10.3p2). */
export function sameDefinition(a: Macro, b: Macro): boolean {
  if (a.variadic !== b.variadic || a.params?.length !== b.params?.length) return false;
  if (a.params?.some((p, i) => p !== b.params![i])) return false;
  const left = a.body;
  const right = b.body;
  return (
    left.length === right.length &&
    left.every((token, i) => {
      const other = right[i]!;
      return token.kind === other.kind && spelling(token) === spelling(other) && (i === 0 || token.spaceBefore === other.spaceBefore);
    })
  );
}
