/**
 * C declarations, which read from the inside out: `int (*f)(char *)[3]`.
 *
 * The walk goes from the name outwards: a pointer puts a star in front of what there is, an array or function
 * something behind it, and the first thing with a name of its own ends it. Qualifiers wait for what they qualify.
 */
import { BtfError } from './error.ts';
import type { BtfSource, BtfType } from './types.ts';

export interface Speller {
  /** What stands for a type that ends a declarator: 'struct foo', 'u32', a whole `struct { … }`. */
  named(id: number, type: NamedType): string;
  tag(name: string, attribute: boolean): string;
  parameter(name: string): string;
}

export type NamedType = Extract<
  BtfType,
  { readonly kind: 'void' | 'int' | 'struct' | 'union' | 'enum' | 'enum64' | 'fwd' | 'typedef' | 'float' | 'unknown' }
>;

/** Types visited for one declaration. A function type that takes itself twice would double with each step. */
const MAX_VISITS = 20_000;
const MAX_DEPTH = 500;

/** Declares `name` (empty for the bare type) to be of the type. */
export function declare(source: BtfSource, id: number, name: string, speller: Speller): string {
  let visits = 0;
  let depth = 0;
  const walk = (at: number, declarator: string, quals: readonly string[]): string => {
    if (++visits > MAX_VISITS || depth > MAX_DEPTH || declarator.length > MAX_VISITS) {
      throw new BtfError('limit', 'the type is too deep to be spelled', id);
    }
    depth++;
    const spelled = step(at, declarator, quals);
    depth--;
    return spelled;
  };
  const step = (at: number, declarator: string, quals: readonly string[]): string => {
    const type = source.type(at);
    switch (type.kind) {
      case 'const':
      case 'volatile':
      case 'restrict':
        return walk(type.type, declarator, quals.includes(type.kind) ? quals : [...quals, type.kind]);
      case 'typeTag':
        return walk(type.type, declarator, [...quals, speller.tag(type.name, type.attribute === true)]);
      case 'ptr': {
        const behind = [...quals.map((q) => (q === 'restrict' ? '__restrict' : q)), declarator].filter((s) => s !== '');
        const pointer = quals.length > 0 ? `* ${behind.join(' ')}` : `*${declarator}`;
        return walk(type.type, bindsTighter(source, type.type) ? `(${pointer})` : pointer, []);
      }
      case 'array':
        return walk(type.element, `${declarator}[${type.length}]`, quals);
      case 'funcProto': {
        const params = type.params.map((p) => walk(p.type, speller.parameter(p.name), []));
        if (type.variadic) params.push('...');
        return walk(type.returns, `${declarator}(${params.length === 0 ? 'void' : params.join(', ')})`, []);
      }
      case 'func':
        return walk(type.type, declarator === '' ? type.name : declarator, []);
      case 'var':
        return walk(type.type, declarator === '' ? type.name : declarator, []);
      case 'declTag':
      case 'datasec':
        throw new BtfError('badType', `a type of kind ${type.kind} cannot be declared`, at);
      default: {
        // `restrict` makes sense on pointers only.
        const front = quals.filter((q) => q !== 'restrict');
        return [...front, speller.named(at, type), declarator].filter((s) => s !== '').join(' ');
      }
    }
  };
  return walk(id, name, []);
}

/** Arrays and functions bind tighter than the star: the pointer needs parentheses. */
function bindsTighter(source: BtfSource, id: number): boolean {
  let type = source.type(id);
  for (let step = 0; step < 256; step++) {
    if (type.kind !== 'const' && type.kind !== 'volatile' && type.kind !== 'restrict' && type.kind !== 'typeTag') break;
    type = source.type(type.type);
  }
  return type.kind === 'array' || type.kind === 'funcProto';
}

const PLAIN: Speller = {
  named: (_id, type) => {
    switch (type.kind) {
      case 'void':
        return 'void';
      case 'struct':
      case 'union':
        return `${type.kind} ${type.name === '' ? '{ … }' : type.name}`;
      case 'enum':
      case 'enum64':
        return `enum ${type.name === '' ? '{ … }' : type.name}`;
      case 'fwd':
        return `${type.union ? 'union' : 'struct'} ${type.name}`;
      case 'int':
      case 'typedef':
      case 'float':
        return type.name;
      case 'unknown':
        return `/* kind ${type.raw} */`;
      default:
        return type satisfies never;
    }
  },
  tag: (name, attribute) => (attribute ? `__attribute__((${name}))` : `__${name}`),
  parameter: (name) => name,
};

/** The type as C spells it, for people: 'const struct sk_buff *', 'char comm[16]' where `name` is given. */
export function formatType(source: BtfSource, id: number, name = ''): string {
  return declare(source, id, name, PLAIN);
}
