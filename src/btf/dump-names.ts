/**
 * Names in a C dump. BTF may hold several types of one name (a kernel's come from many files); C cannot. Tags of
 * structs, unions and enums are one space of names, typedefs and enumerators another.
 */
import type { BtfSource } from './types.ts';

const KEYWORDS = new Set([
  'auto',
  'break',
  'case',
  'char',
  'const',
  'continue',
  'default',
  'do',
  'double',
  'else',
  'enum',
  'extern',
  'float',
  'for',
  'goto',
  'if',
  'inline',
  'int',
  'long',
  'register',
  'restrict',
  'return',
  'short',
  'signed',
  'sizeof',
  'static',
  'struct',
  'switch',
  'typedef',
  'union',
  'unsigned',
  'void',
  'volatile',
  'while',
  'asm',
  'typeof',
]);

export class Names {
  readonly #source: BtfSource;
  readonly #tags = new Space();
  /** The compiler's own `va_list` is another one on another machine. */
  readonly #ordinary = new Space('__builtin_va_list');
  /** Forward declarations share the name of the record they announce: by kind and name. */
  readonly #announced = new Map<string, string>();

  constructor(source: BtfSource) {
    this.#source = source;
  }

  /** Of a struct, union, enum or forward declaration. */
  tag(id: number): string {
    const type = this.#source.type(id);
    const wanted = identifier('name' in type ? type.name : '');
    if (type.kind !== 'fwd' && type.kind !== 'struct' && type.kind !== 'union') return this.#tags.nameOf(String(id), wanted);
    const kind = type.kind === 'fwd' ? (type.union ? 'union' : 'struct') : type.kind;
    const known = this.#announced.get(`${kind} ${wanted}`);
    if (type.kind === 'fwd') {
      if (known !== undefined) return known;
      const name = this.#tags.nameOf(`fwd ${kind} ${wanted}`, wanted);
      this.#announced.set(`${kind} ${wanted}`, name);
      return name;
    }
    // The first record of that name is the one that was announced.
    const name = this.#tags.nameOf(String(id), wanted, this.#tags.owner(wanted) === `fwd ${kind} ${wanted}`);
    if (known === undefined) this.#announced.set(`${kind} ${wanted}`, name);
    return name;
  }

  /** Of a typedef, or an integer with a name of its own. */
  ordinary(id: number): string {
    const type = this.#source.type(id);
    return this.#ordinary.nameOf(String(id), identifier('name' in type ? type.name : ''));
  }

  enumerator(id: number, index: number): string {
    const type = this.#source.type(id);
    const name = type.kind === 'enum' || type.kind === 'enum64' ? type.values[index].name : '';
    return this.#ordinary.nameOf(`${id}.${index}`, identifier(name));
  }

  member(name: string): string {
    return name === '' ? '' : identifier(name);
  }
}

/** One space of names: who has which. */
class Space {
  readonly #byOwner = new Map<string, string>();
  readonly #owners = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  constructor(...reserved: readonly string[]) {
    for (const name of reserved) this.#owners.set(name, '');
  }

  nameOf(owner: string, wanted: string, takeOver = false): string {
    const known = this.#byOwner.get(owner);
    if (known !== undefined) return known;
    let name = wanted;
    if (!takeOver) {
      while (this.#owners.has(name)) {
        const count = (this.#counts.get(wanted) ?? 1) + 1;
        this.#counts.set(wanted, count);
        name = `${wanted}___${count}`;
      }
    }
    this.#owners.set(name, owner);
    this.#byOwner.set(owner, name);
    return name;
  }

  owner(name: string): string | undefined {
    return this.#owners.get(name);
  }
}

/** A name that C accepts: other languages have `core::fmt` and `Option<u8>`. */
function identifier(name: string): string {
  let result = '';
  for (const letter of name) result += /[A-Za-z0-9_]/.test(letter) ? letter : '_';
  if (result === '' || (result[0] >= '0' && result[0] <= '9')) result = `_${result}`;
  return KEYWORDS.has(result) ? `${result}_` : result;
}
