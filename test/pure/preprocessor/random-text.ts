/**
 * Random preprocessor input: macros of every kind that name each other, and lines that use them. Seeded, so that a
 * seed is a test case.
 */

export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = (seed * 2654435761) >>> 0 || 1;
  }

  /** 0 … below - 1 */
  below(limit: number): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x >>> 0;
    return this.state % limit;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }
}

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const PARAMS = ['x', 'y', 'z'];
const ATOMS = ['1', '2u', '"s"', "'c'", '+', '-', '*', '.', '[', ']', 'int', 'x', 'y', '=', '<', '&&', ';', '0x1', '1.5'];

/** A text of macros and their uses, most of it valid. */
export function randomMacros(seed: number): string {
  const r = new Random(seed);
  const params = new Map<string, string[] | undefined>();
  let out = '';
  const call = (depth: number, inside: readonly string[]): string => {
    const name = r.pick(NAMES);
    const list = params.get(name);
    if (list === undefined || r.below(6) === 0) return name;
    const variadic = list.at(-1) === '...';
    const count = variadic ? list.length - 1 + r.below(3) : list.length;
    return `${name}(${Array.from({ length: count }, () => (r.below(6) === 0 ? '' : tokens(1 + r.below(3), depth + 1, inside))).join(r.pick([',', ', ']))})`;
  };
  const tokens = (count: number, depth: number, inside: readonly string[]): string => {
    let text = '';
    for (let i = 0; i < count; i++) {
      const kind = r.below(10);
      if (kind < 4 && depth < 3) text += call(depth, inside);
      else if (kind < 7 && inside.length > 0) text += r.pick(inside);
      else if (kind === 7 && depth < 3) text += `(${tokens(2, depth + 1, inside)})`;
      else text += r.pick(ATOMS);
      text += r.pick([' ', ' ', '/**/', '  ']);
    }
    return text;
  };
  const define = (): string => {
    const name = r.pick(NAMES);
    if (r.below(3) === 0) {
      params.set(name, undefined);
      return `#undef ${name}\n#define ${name} ${tokens(r.below(4), 1, [])}${r.below(5) === 0 ? `q ## ${r.pick(NAMES)}` : ''}\n`;
    }
    const list = PARAMS.slice(0, r.below(3));
    const variadic = r.below(3) === 0;
    const inside: string[] = [];
    for (const p of list) inside.push(p, p, `#${p}`, `${p} ## q`, `q ## ${p}`);
    for (const p of list) for (const q of list) inside.push(`${p}##${q}`);
    if (variadic)
      inside.push(
        '__VA_ARGS__',
        '__VA_ARGS__',
        '#__VA_ARGS__',
        'v(0, ##__VA_ARGS__)',
        `__VA_OPT__(${list[0] ?? 'o'} ,) __VA_ARGS__`,
        `q ## __VA_OPT__(${r.pick(ATOMS)})`,
      );
    const all = variadic ? [...list, '...'] : list;
    const body = tokens(1 + r.below(5), 1, inside);
    params.set(name, all);
    return `#undef ${name}\n#define ${name}(${all.join(', ')}) ${body}\n`;
  };
  const defines = 3 + r.below(7);
  for (let i = 0; i < defines; i++) out += define();
  for (let i = 0; i < 6; i++) out += `${tokens(1 + r.below(4), 0, [])}${r.below(4) === 0 ? '\n' : ' '}`;
  return `${out}\n#define xs(x) s(x)\n#define s(x) #x\nxs([${call(1, [])}])\n`;
}

const PIECES = [
  '#',
  '##',
  '#define',
  '#undef',
  '#if',
  '#ifdef',
  '#ifndef',
  '#elif',
  '#else',
  '#endif',
  '#include',
  '#line',
  '#pragma',
  '#error',
  'defined',
  '(',
  ')',
  '(',
  ')',
  ',',
  '...',
  '__VA_ARGS__',
  '__VA_OPT__',
  '\n',
  '\n',
  '\n',
  ' ',
  '\\\n',
  '"',
  "'",
  '/*',
  '*/',
  '//',
  '__LINE__',
  '__COUNTER__',
  '__has_include',
  '_Pragma',
  '<x.h>',
  '"x.h"',
  '0',
  '1',
  '0x',
  '1e+',
  "'a'",
  '?',
  ':',
  '&&',
  '||',
  '!',
  '/',
  '%:',
  '%:%:',
  '\\u00e9',
  '\u00e9',
  '@',
  '\0',
  '\r',
  'L',
  '__FILE__',
  '__has_attribute',
  'GCC poison',
  'push_macro("a")',
  '%',
];

/** Anything at all. */
export function randomNoise(seed: number): string {
  const r = new Random(seed);
  let out = '';
  for (let i = 20 + r.below(200); i > 0; i--) out += r.below(3) === 0 ? r.pick(NAMES) : r.pick(PIECES) + r.pick(['', ' ']);
  return out;
}

/** A valid text with tokens removed, doubled, swapped or replaced. */
export function mutate(text: string, seed: number): string {
  const r = new Random(seed);
  const pieces = text.match(/\w+|\s+|[^\w\s]/g) ?? [];
  for (let i = 1 + r.below(6); i > 0; i--) {
    const at = r.below(pieces.length + 1);
    switch (r.below(5)) {
      case 0:
        pieces.splice(at, 1);
        break;
      case 1:
        pieces.splice(at, 0, pieces[at] ?? '');
        break;
      case 2:
        pieces.splice(at, 0, r.pick(PIECES));
        break;
      case 3:
        if (pieces[at] !== undefined) pieces[at] = r.pick(pieces);
        break;
      default:
        pieces.splice(at, 2, ...pieces.slice(at, at + 2).reverse());
    }
  }
  return pieces.join('');
}
