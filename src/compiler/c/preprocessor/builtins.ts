/**
 * Macros that are computed: `__LINE__`, `__COUNTER__`, `__has_attribute(…)`. Time stands still, so that the same
 * text always gives the same object.
 */
import { PpToken } from '../lexer.ts';
import { headerOf, resolveHeader } from './include.ts';
import type { Builtin } from './macro.ts';
import { Macro } from './macro.ts';
import { lexText } from './paste.ts';
import { pragmaOperator } from './pragma.ts';
import type { Preprocessor } from './preprocessor.ts';

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

const number = (at: PpToken, value: number): PpToken => new PpToken('number', `${value}`, at.loc, at.spaceBefore, at.lineStart);
const string = (at: PpToken, text: string): PpToken => new PpToken('string', quoted(text), at.loc, at.spaceBefore, at.lineStart);

/** Object-like, from the place of use. */
const VALUES: Readonly<Record<string, Builtin>> = {
  __LINE__: (pp, at) => number(at, pp.source.lineOf(pp.source.expansionEnd(at.loc))),
  __FILE__: (pp, at) => string(at, pp.source.fileNameOf(at.loc)),
  __FILE_NAME__: (pp, at) => string(at, pp.source.fileNameOf(at.loc).replace(/^.*\//, '')),
  __BASE_FILE__: (pp, at) => string(at, pp.mainFile),
  __INCLUDE_LEVEL__: (pp, at) => number(at, Math.max(0, pp.files.length - 1)),
  __COUNTER__: (pp, at) => number(at, pp.counter++),
  __DATE__: (_pp, at) => string(at, 'Jan  1 1970'),
  __TIME__: (_pp, at) => string(at, '00:00:00'),
  __TIMESTAMP__: (_pp, at) => string(at, 'Thu Jan  1 00:00:00 1970'),
};

/** The tokens between the parentheses behind a builtin's name; undefined after an error. */
function operand(pp: Preprocessor, name: PpToken): PpToken[] | undefined {
  const open = pp.raw();
  if (open.text !== '(' || open.kind !== 'punct') {
    pp.diagnostics.error('bad-builtin-call', name.loc, `'${name.text}' needs its operand in parentheses`);
    return undefined;
  }
  const out: PpToken[] = [];
  for (let depth = 0; ; ) {
    const token = pp.raw();
    if (token.kind === 'eof') {
      pp.diagnostics.error('bad-builtin-call', name.loc, `'${name.text}(' has no ')'`);
      return undefined;
    }
    if (token.text === '(' && token.kind === 'punct') depth++;
    if (token.text === ')' && token.kind === 'punct' && depth-- === 0) return out;
    out.push(token);
  }
}

const withoutUnderscores = (name: string): string =>
  name.length > 4 && name.startsWith('__') && name.endsWith('__') ? name.slice(2, -2) : name;

/** Answers a question about one name, which may have a scope: `gnu::packed`. */
function question(answer: (pp: Preprocessor, name: string) => number): Builtin {
  return (pp, at) => {
    const tokens = operand(pp, at);
    if (tokens === undefined) return number(at, 0);
    const expanded = tokens.length === 1 ? pp.expandList(tokens) : tokens;
    const last = expanded.at(-1);
    if (last === undefined || last.kind !== 'ident') {
      pp.diagnostics.error('bad-builtin-call', last?.loc ?? at.loc, `'${at.text}' asks about a name`);
      return number(at, 0);
    }
    const scope = expanded
      .slice(0, -1)
      .map((token) => token.text)
      .join('');
    if (scope !== '' && !/^\w+::$/.test(scope)) {
      pp.diagnostics.error('bad-builtin-call', at.loc, `'${at.text}' asks about one name`);
      return number(at, 0);
    }
    return number(at, scope === '' || /^(?:__)?(?:gnu|clang)(?:__)?::$/.test(scope) ? answer(pp, last.text) : 0);
  };
}

function hasInclude(next: boolean): Builtin {
  return (pp, at) => {
    const tokens = operand(pp, at);
    if (tokens === undefined) return number(at, 0);
    const first = tokens[0];
    const name = headerOf(first?.kind === 'string' || first?.text === '<' ? tokens : pp.expandList(tokens));
    if (name === undefined) {
      pp.diagnostics.error('bad-builtin-call', first?.loc ?? at.loc, `'${at.text}' needs "a file" or <a file>`);
      return number(at, 0);
    }
    return number(at, resolveHeader(pp, name.path, name.quoted, next) === undefined ? 0 : 1);
  };
}

const ATTRIBUTE: Builtin = question((pp, name) => (pp.features.attributes.has(withoutUnderscores(name)) ? 1 : 0));
const FEATURE: Builtin = question((pp, name) => (pp.features.features.has(withoutUnderscores(name)) ? 1 : 0));
const EXTENSION: Builtin = question((pp, name) =>
  pp.features.features.has(withoutUnderscores(name)) || pp.features.extensions.has(withoutUnderscores(name)) ? 1 : 0,
);
const NO: Builtin = question(() => 0);

const CALLS: Readonly<Record<string, Builtin>> = {
  __has_attribute: ATTRIBUTE,
  __has_c_attribute: NO,
  __has_cpp_attribute: NO,
  __has_declspec_attribute: NO,
  __has_builtin: question((pp, name) => (pp.features.builtins.has(name) ? 1 : 0)),
  __has_constexpr_builtin: NO,
  __has_feature: FEATURE,
  __has_extension: EXTENSION,
  __building_module: NO,
  __is_identifier: question(() => 1),
  __is_target_arch: question((_pp, name) => (name === 'bpf' || name === 'bpfel' ? 1 : 0)),
  __is_target_vendor: question((_pp, name) => (name === 'unknown' ? 1 : 0)),
  __is_target_os: question((_pp, name) => (name === 'unknown' ? 1 : 0)),
  __is_target_environment: question((_pp, name) => (name === 'unknown' ? 1 : 0)),
  __has_include: hasInclude(false),
  __has_include_next: hasInclude(true),
  __has_warning: (pp, at) => {
    operand(pp, at);
    return number(at, 0);
  },
  _Pragma: pragmaOperator,
};

const noBody = (): PpToken[] => lexText('');

export const BUILTINS: ReadonlyMap<string, Macro> = new Map(
  Object.entries({ ...VALUES, ...CALLS }).map(([name, run]) => [name, new Macro(name, 0, undefined, false, noBody, 'builtin', run)]),
);
