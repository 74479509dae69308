/**
 * The preprocessor: texts in, tokens out; translation phases 3, 4 and the deletion of new-lines.
 *
 *   enter(text) ─▶ files ──fileToken──▶ raw ──▶ lex ──▶ next ─▶ parser
 *                   ▲  │ '#'             ▲        │ a macro's name
 *     #include ─────┘  └▶ directives.ts  └─ lists ◀┘ expand.ts
 *
 * Tokens come from two stacks. `files`: the file being read and those that included it. `lists`: what macro
 * expansions made, read again for more macros before the file goes on. `raw` gives the next token of either, with
 * directives already obeyed; `lex` also expands. While a list is being read its macro is `busy`. An isolated list
 * (an argument, the line of an `#if`) ends with `eof` instead of going on to what is below it.
 *
 * Names are looked up once: `macros` holds a macro, or null for "no macro", and what it does not hold is asked of
 * the predefined macros, the builtins and the constants hook on first sight.
 *
 * Everything is bounded (`limits.ts`): past a bound, `stop` reports and the stream ends.
 */
import type { Diagnostic, Diagnostics, Loc } from '../../diagnostics.ts';
import { Lexer, PpToken } from '../lexer.ts';
import { SourceManager } from '../source.ts';
import type { Spliced } from '../splice.ts';
import { splice } from '../splice.ts';
import type { Token, TokenSource } from '../token.ts';
import { BUILTINS } from './builtins.ts';
import type { Condition } from './conditionals.ts';
import type { ConstantHook } from './constant-names.ts';
import { ConstantNames } from './constant-names.ts';
import { directive, leaveConditionals } from './directives.ts';
import type { Expansion } from './expand.ts';
import { collectArguments, substitute } from './expand.ts';
import type { Features } from './features.ts';
import { DEFAULT_FEATURES } from './features.ts';
import type { Header, HeaderResolver } from './headers.ts';
import type { Limits } from './limits.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { Macro } from './macro.ts';
import { lexText } from './paste.ts';
import { predefinedMacros } from './predefined.ts';
import { Silence } from './silence.ts';
import type { Snapshot } from './snapshot.ts';

export interface PreprocessorOptions {
  readonly diagnostics: Diagnostics;
  /** Finds headers; without it there are none. */
  readonly resolve?: HeaderResolver;
  /** Object-like macros that exist without a text: kernel constants, CONFIG_*. */
  readonly constants?: ConstantHook;
  /** Answers of `__has_attribute` and its like. */
  readonly features?: Features;
  /** Macros that are there from the start; by default those of clang's BPF target for `cpu`. */
  readonly predefined?: ReadonlyMap<string, string>;
  readonly cpu?: 1 | 2 | 3 | 4;
  readonly trigraphs?: boolean;
  readonly limits?: Partial<Limits>;
  /** Keep pragmas that only compilers with warnings to switch want (`GCC diagnostic`); for text output. */
  readonly allPragmas?: boolean;
  /** Begin where a snapshot ended. */
  readonly from?: Snapshot;
}

/** A file that is being read. */
export interface OpenFile {
  readonly header: Header;
  readonly lexer: Lexer;
  readonly conditions: Condition[];
  /** Where the file's first token begins, and the `#` of the directive being obeyed; in spliced text. */
  readonly firstAt: number;
  directiveAt: number;
}

class TokenList {
  readonly tokens: readonly PpToken[];
  pos = 0;
  readonly macro: Macro | undefined;
  readonly isolated: boolean;
  /** White space to give to the token behind it. */
  readonly spaceAfter: boolean;

  constructor(tokens: readonly PpToken[], macro: Macro | undefined, isolated: boolean, spaceAfter: boolean) {
    this.tokens = tokens;
    this.macro = macro;
    this.isolated = isolated;
    this.spaceAfter = spaceAfter;
  }
}

const END = new PpToken('eof', '', 0, false, true);

export class Preprocessor implements TokenSource {
  readonly source: SourceManager;
  readonly diagnostics: Diagnostics;
  readonly options: PreprocessorOptions;
  readonly limits: Limits;
  readonly features: Features;
  readonly silence: Silence;
  readonly predefined: ReadonlyMap<string, string>;
  readonly constants: ConstantNames | undefined;
  /** null: known not to be a macro. */
  readonly macros: Map<string, Macro | null>;
  /** Names that `#undef` took. */
  readonly undefined = new Set<string>();
  /** `#pragma push_macro`. */
  readonly pushed = new Map<string, (Macro | null)[]>();
  readonly once: Set<string>;
  /** Every header that was read: `#import` reads none twice. */
  readonly entered: Set<string>;
  /** Headers wholly inside `#ifndef X`: name of the header to X. */
  readonly guards: Map<string, string>;
  readonly files: OpenFile[] = [];
  poisoned: Set<string> | undefined;
  /** Value of `__COUNTER__`. */
  counter = 0;
  /** Arguments of a macro call are being read: files do not end silently there. */
  collecting = 0;
  /** A bound was passed. */
  stopped = false;
  /** Set by a directive that gives a token (`#pragma`). */
  emitted: PpToken | undefined;
  /** White space and line start of an expansion to nothing, for the token after it. */
  private carrySpace = false;
  private carryLine = false;
  private readonly lists: TokenList[] = [];
  private readonly waiting: Header[] = [];
  private readonly replay: readonly Token[];
  private replayed = 0;
  private end: PpToken = END;
  private expansionLeft: number;
  private charactersLeft: number;
  private includesLeft: number;
  private argumentDepth = 0;
  private readonly texts = new Map<string, { readonly text: string; readonly spliced: Spliced }>();

  constructor(options: PreprocessorOptions) {
    this.options = options;
    this.diagnostics = options.diagnostics;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.features = options.features ?? DEFAULT_FEATURES;
    this.predefined = options.predefined ?? predefinedMacros(options.cpu ?? 3);
    this.constants = options.constants === undefined ? undefined : new ConstantNames(options.constants);
    this.expansionLeft = this.limits.expansion;
    this.charactersLeft = this.limits.characters;
    this.includesLeft = this.limits.includes;
    const from = options.from;
    this.source = from === undefined ? new SourceManager() : from.source.fork();
    this.silence = new Silence(this.source);
    this.macros = new Map(from?.macros);
    this.once = new Set(from?.once);
    this.entered = new Set(from?.entered);
    this.guards = new Map(from?.guards);
    this.replay = from?.tokens ?? [];
    if (from !== undefined) {
      this.counter = from.counter;
      if (from.poisoned !== undefined) this.poisoned = new Set(from.poisoned);
    }
  }

  /** Queues a main file: it is read when those before it have ended. */
  enter(name: string, text: string, options: { readonly system?: boolean; readonly folder?: string } = {}): void {
    this.waiting.push({ name, text, ...options });
  }

  /** Is an argument of a macro being expanded by itself? */
  get inArgument(): boolean {
    return this.argumentDepth > 0;
  }

  /** Name of the outermost file. */
  get mainFile(): string {
    return this.files[0]?.header.name ?? '';
  }

  next(): Token {
    if (this.replayed < this.replay.length) return this.replay[this.replayed++]!;
    const token = this.lex();
    if (token.kind === 'other' && /^(?:L|u8?|U)?["']/.test(token.text)) this.unterminatedLiteral(token);
    return this.constants === undefined ? token : this.constants.watch(token);
  }

  /** The token comes once more. */
  again(token: PpToken): void {
    this.lists.push(new TokenList([token], undefined, false, false));
  }

  behind(loc: Loc): Loc {
    return this.source.behindUse(loc);
  }

  private unterminatedLiteral(token: PpToken): void {
    const quote = token.text.includes('"') && !/^[LuU]?'/.test(token.text) ? '"' : "'";
    this.diagnostics.error(
      'unterminated-literal',
      token.loc,
      `this ${quote === '"' ? 'string' : 'character constant'} has no closing ${quote} on its line`,
    );
  }

  /** The next token with macros expanded. */
  lex(): PpToken {
    for (;;) {
      const token = this.raw();
      if (token.kind !== 'ident' || token.mark) return token;
      const macro = this.lookup(token.text);
      if (macro === null) return token;
      const result = this.expand(token, macro);
      if (result !== undefined) return result;
    }
  }

  private carried(token: PpToken): PpToken {
    const out = new PpToken(
      token.kind,
      token.text,
      token.loc,
      token.spaceBefore || this.carrySpace,
      token.lineStart || this.carryLine,
      token.mark,
    );
    this.carrySpace = this.carryLine = false;
    return out;
  }

  /** The next token, directives obeyed, macros not expanded. */
  raw(): PpToken {
    const lists = this.lists;
    while (lists.length > 0) {
      const list = lists[lists.length - 1]!;
      if (list.pos < list.tokens.length) {
        const token = list.tokens[list.pos++]!;
        return this.carrySpace || this.carryLine ? this.carried(token) : token;
      }
      if (list.isolated) return END;
      if (list.spaceAfter) this.carrySpace = true;
      this.pop(list);
    }
    const token = this.fileToken();
    return this.carrySpace || this.carryLine ? this.carried(token) : token;
  }

  private pop(list: TokenList): void {
    this.lists.pop();
    if (list.macro !== undefined) list.macro.busy = undefined;
  }

  private fileToken(): PpToken {
    while (!this.stopped) {
      const file = this.files[this.files.length - 1];
      if (file === undefined) {
        const header = this.waiting.shift();
        if (header === undefined) break;
        this.open(header, 0);
        continue;
      }
      const lexer = file.lexer;
      const token = lexer.next();
      if (token.kind === 'eof') {
        if (this.collecting > 0) return token;
        this.close(file, token);
      } else if (token.lineStart && token.kind === 'punct' && token.text === '#') {
        directive(this, file, token);
        const emitted = this.emitted;
        if (emitted !== undefined) {
          this.emitted = undefined;
          return emitted;
        }
      } else {
        if (this.poisoned !== undefined && token.kind === 'ident') this.checkPoison(token);
        return token;
      }
    }
    return this.end;
  }

  /** True, after an error, for a poisoned name. */
  checkPoison(token: PpToken): boolean {
    if (this.poisoned?.has(token.text) !== true) return false;
    this.diagnostics.error('poisoned-identifier', token.loc, `'${token.text}' is poisoned ('#pragma GCC poison') and must not be used`);
    return true;
  }

  /** Opens a file above those that are open. False, after an error, where a bound forbids it. */
  open(header: Header, includedFrom: Loc): boolean {
    if (this.files.length >= this.limits.includeDepth)
      return this.stop('include-too-deep', includedFrom, `files include each other more than ${this.limits.includeDepth} deep`);
    if (this.includesLeft-- <= 0)
      return this.stop('too-many-includes', includedFrom, `more than ${this.limits.includes} files are included`);
    this.charactersLeft -= header.text.length + 1;
    const source =
      this.charactersLeft < 0 ? undefined : this.source.addFile(header.name, header.text, includedFrom, header.system === true);
    if (source === undefined)
      return this.stop('too-much-text', includedFrom, `the files have more than ${this.limits.characters} characters in all`);
    let known = this.texts.get(header.name);
    if (known === undefined || known.text !== header.text) {
      known = { text: header.text, spliced: splice(header.text, this.options.trigraphs === true) };
      this.texts.set(header.name, known);
    }
    const lexer = new Lexer(source, known.spliced, this.diagnostics);
    this.files.push({ header, lexer, conditions: [], firstAt: lexer.peek(), directiveAt: -1 });
    return true;
  }

  private close(file: OpenFile, eof: PpToken): void {
    leaveConditionals(this, file);
    this.files.pop();
    if (this.files.length === 0) this.end = eof;
  }

  /** A warning, unless the text is not the user's. */
  warn(code: string, loc: Loc, message: string, notes?: Diagnostic['notes']): void {
    if (this.source.fileOf(loc)?.system !== true) this.diagnostics.warn(code, loc, message, notes);
  }

  /** Ends the stream with an error. */
  stop(code: string, loc: Loc, message: string): false {
    if (this.stopped) return false;
    this.stopped = true;
    for (const list of this.lists) if (list.macro !== undefined) list.macro.busy = undefined;
    this.lists.length = 0;
    this.files.length = 0;
    this.waiting.length = 0;
    this.diagnostics.error(code, loc, message);
    return false;
  }

  /** Counts tokens that expansion is to make; false if there are to be none any more. */
  spend(tokens: number, loc: Loc): boolean {
    this.expansionLeft -= tokens;
    return (
      this.expansionLeft >= 0 ||
      this.stop('expansion-too-large', this.source.expansionLoc(loc), `macro expansion makes more than ${this.limits.expansion} tokens`)
    );
  }

  /** The macro of that name, or null. */
  lookup(name: string): Macro | null {
    const macro = this.macros.get(name);
    return macro === undefined ? this.firstSight(name) : macro;
  }

  private firstSight(name: string): Macro | null {
    let macro: Macro | null = null;
    if (name.charCodeAt(0) === 95) {
      const text = this.predefined.get(name);
      if (text !== undefined) macro = new Macro(name, 0, undefined, false, () => lexText(text), 'predefined');
      else macro = BUILTINS.get(name) ?? null;
    }
    if (macro === null) {
      const text = this.constants?.text(name);
      if (text !== undefined) macro = new Macro(name, 0, undefined, false, () => lexText(text), 'constant');
    }
    this.macros.set(name, macro);
    return macro;
  }

  /** Replaces `token`, the name of `macro`. Undefined: go on reading (the expansion is on the stack, or empty). */
  private expand(token: PpToken, macro: Macro): PpToken | undefined {
    if (macro.builtin !== undefined) return macro.builtin(this, token);
    if (macro.busy === this) return new PpToken('ident', token.text, token.loc, token.spaceBefore, token.lineStart, true);
    let expansion: Expansion;
    if (macro.params === undefined) {
      if (macro.origin === 'constant' && this.constants!.isDeclared(this, token)) return token;
      expansion = substitute(this, macro, undefined, token);
    } else {
      if (!this.peek().startsWith('(')) return token;
      const args = collectArguments(this, token, macro);
      if (args === undefined) return new PpToken('ident', token.text, token.loc, token.spaceBefore, token.lineStart, true);
      expansion = substitute(this, macro, args, token);
    }
    const { tokens, spaceAfter } = expansion;
    if (this.stopped) return END;
    const first = tokens[0];
    if (first === undefined) {
      this.carrySpace ||= token.spaceBefore || spaceAfter;
      this.carryLine ||= token.lineStart;
      return undefined;
    }
    if (tokens.length === 1 && (first.kind !== 'ident' || first.mark || this.lookup(first.text) === null)) {
      this.carrySpace = spaceAfter;
      return first;
    }
    macro.busy = this;
    this.lists.push(new TokenList(tokens, macro, false, spaceAfter));
    return undefined;
  }

  /** Text of what comes next, unread: a token of a list, or two characters of the file; empty where nothing comes. */
  peek(): string {
    for (let i = this.lists.length - 1; i >= 0; i--) {
      const list = this.lists[i]!;
      if (list.pos < list.tokens.length) return list.tokens[list.pos]!.text;
      if (list.isolated) return '';
    }
    const lexer = this.files[this.files.length - 1]?.lexer;
    const at = lexer === undefined ? -1 : lexer.peek();
    return at < 0 ? '' : lexer!.text.slice(at, at + 2);
  }

  /** All of `tokens` expanded by themselves, as an argument is. */
  expandList(tokens: readonly PpToken[]): readonly PpToken[] {
    if (tokens.every((token) => token.kind !== 'ident' || token.mark || this.lookup(token.text) === null)) return tokens;
    const out: PpToken[] = [];
    this.isolate(tokens, () => {
      for (let token = this.lex(); token.kind !== 'eof'; token = this.lex()) out.push(token);
    });
    return out;
  }

  /** Runs `read` with `tokens` as all there is. */
  isolate(tokens: readonly PpToken[], read: () => void): void {
    if (this.argumentDepth >= this.limits.argumentDepth) {
      this.stop(
        'macro-nesting-too-deep',
        this.source.expansionLoc(tokens[0]?.loc ?? 0),
        `macro calls stand in each other's arguments more than ${this.limits.argumentDepth} deep`,
      );
      return;
    }
    const below = this.lists.length;
    const { carrySpace, carryLine, collecting } = this;
    this.carrySpace = this.carryLine = false;
    this.collecting = 0;
    this.argumentDepth++;
    this.lists.push(new TokenList(tokens, undefined, true, false));
    read();
    // Whatever `read` left unread is dropped, with the expansions above it.
    while (this.lists.length > below) this.pop(this.lists[this.lists.length - 1]!);
    this.argumentDepth--;
    this.collecting = collecting;
    this.carrySpace = carrySpace;
    this.carryLine = carryLine;
  }
}
