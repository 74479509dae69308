/** Random struct and union declarations, the same for the same seed. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0 || 1;
  }

  /** 0 ≤ result < n. */
  below(n: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    this.state >>>= 0;
    return this.state % n;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
}

export const PROLOGUE = `
enum small { SMALL_A, SMALL_B };
enum __attribute__((packed)) tiny { TINY_A, TINY_B };
enum wide { WIDE_A = 0x100000000 };
typedef int int16_aligned __attribute__((aligned(16)));
typedef long long_low __attribute__((aligned(2)));
typedef struct { char c; } one_byte;
`;

const SCALARS: readonly (readonly [name: string, bits: number])[] = [
  ['char', 8],
  ['signed char', 8],
  ['unsigned char', 8],
  ['short', 16],
  ['unsigned short', 16],
  ['int', 32],
  ['unsigned int', 32],
  ['long', 64],
  ['unsigned long', 64],
  ['long long', 64],
  ['_Bool', 1],
  ['enum small', 32],
  ['enum tiny', 8],
  ['enum wide', 64],
];
const OTHERS = ['void *', 'int16_aligned', 'long_low', 'one_byte', '__int128', 'double', 'float', 'int (*)(void)', 'const char *'];

let counter = 0;

function alignment(r: Random): string {
  return ` __attribute__((aligned(${r.pick([1, 2, 4, 8, 16, 32])})))`;
}

function members(r: Random, depth: number, known: readonly string[]): string {
  const out: string[] = [];
  const count = depth > 0 ? 1 + r.below(4) : r.below(9);
  for (let i = 0; i < count; i++) {
    const name = `m${counter++}`;
    const attributes = (r.chance(8) ? ' __attribute__((packed))' : '') + (r.chance(8) ? alignment(r) : '');
    const kind = r.below(100);
    if (kind < 40) {
      const [type, bits] = r.pick(SCALARS);
      if (r.chance(12)) out.push(`${type} : ${r.chance(50) ? 0 : 1 + r.below(bits)}${r.chance(20) ? attributes : ''};`);
      else out.push(`${type} ${name} : ${1 + r.below(bits)}${attributes};`);
    } else if (kind < 65) out.push(`${r.pick(SCALARS)[0]} ${name}${attributes};`);
    else if (kind < 75) {
      const type = r.pick(OTHERS);
      out.push(type.includes('(*)') ? `${type.replace('(*)', `(*${name})`)}${attributes};` : `${type} ${name}${attributes};`);
    } else if (kind < 85) out.push(`${r.pick(SCALARS)[0]} ${name}[${r.below(4)}]${attributes};`);
    else if (kind < 92 && known.length > 0) out.push(`${r.pick(known)} ${name}${r.chance(30) ? `[${1 + r.below(3)}]` : ''}${attributes};`);
    else if (depth < 2) out.push(`${record(r, '', depth + 1, known)}${r.chance(60) ? '' : ` ${name}`};`);
    else out.push(`char ${name};`);
  }
  return out.join(' ');
}

function record(r: Random, name: string, depth: number, known: readonly string[]): string {
  const tag = r.chance(25) ? 'union' : 'struct';
  const attributes = (r.chance(15) ? ' __attribute__((packed))' : '') + (r.chance(10) ? alignment(r) : '');
  return `${tag}${attributes} ${name} { ${members(r, depth, known)} }`;
}

/** `count` record definitions, named R0, R1, …; later ones may hold earlier ones. */
export function randomRecords(seed: number, count: number): { readonly text: string; readonly names: readonly string[] } {
  const r = new Random(seed);
  counter = 0;
  const lines: string[] = [PROLOGUE];
  const names: string[] = [];
  for (let i = 0; i < count; i++) {
    const body = record(r, `R${i}`, 0, names);
    const pack = r.chance(10) ? r.pick([1, 2, 4, 8]) : 0;
    lines.push(pack ? `#pragma pack(push, ${pack})\n${body};\n#pragma pack(pop)` : `${body};`);
    names.push(`${body.startsWith('union') ? 'union' : 'struct'} R${i}`);
  }
  return { text: lines.join('\n'), names };
}
