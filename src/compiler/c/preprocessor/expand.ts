/**
 * Expansion of function-like macros: collects the arguments, substitutes them into the replacement list, and gives
 * the tokens that are then rescanned.
 *
 * Prosser's algorithm with two changes that clang and gcc share: instead of a hide set on every token, a macro is
 * `busy` while its expansion is being read, and an identifier met while its macro is busy is marked for good. The
 * two differ only where the standard leaves the result open (6.10.3.4p4).
 */
import type { Loc } from '../../diagnostics.ts';
import { PpToken } from '../lexer.ts';
import type { Macro, Op } from './macro.ts';
import { isPlacemarker, paste, placemarker, stringify } from './paste.ts';
import type { Preprocessor } from './preprocessor.ts';

/** The arguments of one call: as written, and fully expanded when first needed. */
export class Arguments {
  readonly raw: readonly (readonly PpToken[])[];
  /** The closing parenthesis. */
  readonly end: Loc;
  /** Nothing stands for the `...`, not even a comma before it. */
  readonly noRest: boolean;
  private readonly expanded: (readonly PpToken[] | undefined)[] = [];
  private readonly pp: Preprocessor;

  constructor(pp: Preprocessor, raw: readonly (readonly PpToken[])[], end: Loc, noRest: boolean) {
    this.pp = pp;
    this.end = end;
    this.noRest = noRest;
    this.raw = raw;
  }

  expand(index: number): readonly PpToken[] {
    return (this.expanded[index] ??= this.pp.expandList(this.raw[index]!));
  }
}

/** Reads `( … )` behind the macro's name; undefined after an error, which is reported. */
export function collectArguments(pp: Preprocessor, name: PpToken, macro: Macro): Arguments | undefined {
  const params = macro.params!;
  const last = params.length - 1;
  const args: PpToken[][] = [];
  let current: PpToken[] = [];
  let depth = 0;
  let extra: PpToken | undefined;
  let end: Loc;
  const open = pp.raw();
  pp.collecting++;
  for (;;) {
    const token = pp.raw();
    if (token.kind === 'eof') {
      pp.collecting--;
      pp.diagnostics.error('unterminated-macro-call', name.loc, `the call of macro '${macro.name}' has no ')'`, [
        { message: "'(' is here", loc: open.loc },
      ]);
      return undefined;
    }
    if (token.kind === 'punct') {
      if (token.text === '(') depth++;
      else if (token.text === ')') {
        if (depth-- === 0) {
          end = token.loc;
          break;
        }
      } else if (token.text === ',' && depth === 0 && !(macro.variadic && args.length === last)) {
        if (args.length === last) extra ??= token;
        args.push(current);
        current = [];
        continue;
      }
    }
    current.push(asArgument(pp, token));
  }
  pp.collecting--;
  if (!(params.length === 0 && args.length === 0 && current.length === 0)) args.push(current);
  // A variadic macro may be called without anything for its `...`, comma included.
  const noRest = macro.variadic && (args.length === last || (last === 0 && current.length === 0 && args.length === 1));
  if (macro.variadic && args.length === last) args.push([]);
  if (args.length === params.length) return new Arguments(pp, args, end, noRest);
  const notes = macro.loc !== 0 ? [{ message: `macro '${macro.name}' is defined here`, loc: macro.loc }] : [];
  const takes = macro.variadic ? `at least ${last}` : `${params.length}`;
  pp.diagnostics.error(
    'macro-argument-count',
    extra?.loc ?? name.loc,
    `macro '${macro.name}' takes ${takes} argument${takes === '1' ? '' : 's'}, but ${args.length} ${args.length === 1 ? 'is' : 'are'} given`,
    notes,
  );
  pp.diagnostics.spoil(name.loc);
  return undefined;
}

/**
 * Reading arguments may leave expansions and so set their macros free; what was read while they were busy stays
 * unexpanded all the same (6.10.3.4p2). Line ends inside arguments are white space.
 */
function asArgument(pp: Preprocessor, token: PpToken): PpToken {
  let mark = token.mark;
  if (token.kind === 'ident' && !mark) {
    const macro = pp.macros.get(token.text);
    mark = macro !== undefined && macro !== null && macro.busy === pp;
  }
  if (!token.lineStart && mark === token.mark) return token;
  return new PpToken(token.kind, token.text, token.loc, token.spaceBefore, false, mark);
}

class Substitution {
  private readonly pp: Preprocessor;
  private readonly macro: Macro;
  private readonly args: Arguments | undefined;
  private readonly expansion: number;
  private readonly use: PpToken;
  /** White space of something that vanished, for the next token. */
  space = false;
  private vanished = false;
  /** The replacement list's first op: white space before it is not part of the list. */
  private first: Op | undefined = undefined;

  constructor(pp: Preprocessor, macro: Macro, args: Arguments | undefined, use: PpToken) {
    this.pp = pp;
    this.macro = macro;
    this.args = args;
    this.use = use;
    this.expansion = pp.source.addExpansion(macro.name, use.loc, args?.end ?? use.loc);
  }

  run(ops: readonly Op[]): PpToken[] {
    this.first = ops[0];
    const out = this.sequence(ops);
    return this.vanished ? this.withoutPlacemarkers(out) : out;
  }

  /** Placemarkers stay: those at the edges of `__VA_OPT__( … )` may be operands of a `##` outside. */
  private sequence(ops: readonly Op[]): PpToken[] {
    const out: PpToken[] = [];
    for (let i = 0; i < ops.length && !this.pp.stopped; i++) {
      const op = ops[i]!;
      const from = out.length;
      if (op.pasteRight && this.elidedComma(op, ops[i + 1], out)) {
        i++;
        continue;
      }
      this.append(op, out);
      if (op.pasteLeft && from > 0 && out.length > from) this.join(out, from);
      this.vanished ||= op.pasteLeft || op.pasteRight;
    }
    return out;
  }

  private clone(token: PpToken, space: boolean, isArgument: boolean): PpToken {
    return new PpToken(token.kind, token.text, this.pp.source.macroLoc(token.loc, this.expansion, isArgument), space, false, token.mark);
  }

  private append(op: Op, out: PpToken[]): void {
    const pasted = op.pasteLeft || op.pasteRight;
    if (op.token.spaceBefore && !op.pasteLeft && op !== this.first) this.space = true;
    if (op.stringify) {
      this.pushString(op, out);
    } else if (op.group !== undefined) {
      const from = out.length;
      const present = this.hasVariadic();
      if (present) for (const token of this.sequence(op.group.ops)) out.push(token);
      if (pasted && out.length === from) out.push(placemarker(this.takeSpace()));
      if (present ? op.group.spaceAtEnd : op.group.spaceInside) this.space = true;
    } else if (op.param >= 0) {
      this.pushTokens(pasted ? this.args!.raw[op.param]! : this.args!.expand(op.param), out);
      if (pasted && this.args!.raw[op.param]!.length === 0) out.push(placemarker(this.takeSpace()));
    } else {
      out.push(this.clone(op.token, this.takeSpace(), false));
    }
  }

  private takeSpace(): boolean {
    const space = this.space;
    this.space = false;
    return space;
  }

  private pushTokens(tokens: readonly PpToken[], out: PpToken[], ownSpace = false): void {
    if (!this.pp.spend(tokens.length, this.use.loc)) return;
    for (let i = 0; i < tokens.length; i++) {
      const token = tokens[i]!;
      out.push(this.clone(token, i === 0 ? this.takeSpace() || (ownSpace && token.spaceBefore) : token.spaceBefore, true));
    }
  }

  private hasVariadic(): boolean {
    return this.macro.variadic && this.args!.expand(this.macro.params!.length - 1).length > 0;
  }

  private pushString(op: Op, out: PpToken[]): void {
    const tokens = op.group === undefined ? this.args!.raw[op.param]! : this.hasVariadic() ? this.inner(op.group.ops) : [];
    const { text, complete } = stringify(tokens, this.pp.limits.tokenLength);
    const loc = this.pp.source.macroLoc(op.token.loc, this.expansion, false);
    if (!complete)
      this.pp.diagnostics.warn('incomplete-string', loc, "the text that '#' makes ends in a lone backslash, which is left out");
    if (text.length > this.pp.limits.tokenLength) {
      this.pp.stop('token-too-long', this.use.loc, `'#' makes a string of more than ${this.pp.limits.tokenLength} characters`);
      return;
    }
    this.pp.spend(tokens.length + (text.length >> 2), this.use.loc);
    out.push(new PpToken('string', text, loc, this.takeSpace(), false));
  }

  private inner(ops: readonly Op[]): PpToken[] {
    const space = this.takeSpace();
    const tokens = this.run(ops);
    this.space = space;
    return tokens;
  }

  /**
   * GNU: in `, ## __VA_ARGS__` the comma goes when there is no such argument, and otherwise nothing is pasted.
   * Does both ops; false if they are not that.
   */
  private elidedComma(comma: Op, rest: Op | undefined, out: PpToken[]): boolean {
    if (!comma.pasteRight || comma.token.text !== ',' || comma.token.kind !== 'punct') return false;
    if (rest === undefined || rest.stringify || !this.macro.variadic || rest.param !== this.macro.params!.length - 1) return false;
    const tokens = this.args!.raw[rest.param]!;
    // An argument that is there, but empty, is an ordinary operand: the comma stays.
    if (tokens.length === 0 && !this.args!.noRest) return false;
    const from = out.length;
    if (tokens.length > 0) {
      this.append(comma, out);
      if (comma.pasteLeft && from > 0) this.join(out, from);
      if (rest.token.spaceBefore) this.space = true;
      this.pushTokens(tokens, out, true);
    } else {
      this.space = false;
      if (rest.pasteRight && !comma.pasteLeft) {
        out.push(placemarker(false));
        this.vanished = true;
      }
    }
    return true;
  }

  private join(out: PpToken[], at: number): void {
    const left = out[at - 1]!;
    const right = out[at]!;
    if (left.text.length + right.text.length > this.pp.limits.tokenLength) {
      this.pp.stop('token-too-long', this.use.loc, `'##' makes a token of more than ${this.pp.limits.tokenLength} characters`);
      return;
    }
    const joined = paste(left, right);
    if (joined === undefined) {
      this.pp.diagnostics.error('bad-token-paste', left.loc, `'##' makes '${left.text}${right.text}' here, which is not one token`);
      return;
    }
    this.pp.spend(joined.text.length >> 2, this.use.loc);
    out[at - 1] = joined;
    out.splice(at, 1);
  }

  private withoutPlacemarkers(tokens: PpToken[]): PpToken[] {
    let to = 0;
    let space = false;
    for (const token of tokens) {
      if (isPlacemarker(token)) {
        space ||= token.spaceBefore;
        continue;
      }
      if (space) token.spaceBefore = true;
      space = false;
      tokens[to++] = token;
    }
    tokens.length = to;
    this.space ||= space;
    return tokens;
  }
}

export interface Expansion {
  readonly tokens: PpToken[];
  /** The replacement list ends in white space before an argument that is empty. */
  readonly spaceAfter: boolean;
}

/** What the macro's use becomes before it is rescanned. The first token takes the place of the name on its line. */
export function substitute(pp: Preprocessor, macro: Macro, args: Arguments | undefined, use: PpToken): Expansion {
  const substitution = new Substitution(pp, macro, args, use);
  const tokens = substitution.run(macro.ops);
  pp.spend(macro.ops.length, use.loc);
  const first = tokens[0];
  if (first !== undefined) {
    first.spaceBefore = use.spaceBefore;
    first.lineStart = use.lineStart;
  }
  return { tokens, spaceAfter: substitution.space };
}
