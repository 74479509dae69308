/** One BTF type from its words. A row per kind; whoever calls has checked that the type lies within its section. */
import { BtfError } from './error.ts';
import { INT_BOOL, INT_CHAR, INT_SIGNED, LINKAGES } from './format.ts';
import type { BtfEnumerator, BtfMember, BtfParam, BtfType } from './types.ts';

/** The words of the type section, and where in it one type starts. */
interface Raw {
  readonly words: Uint32Array;
  readonly at: number;
  readonly id: number;
  readonly name: (offset: number) => string;
}

type Decode = (raw: Raw) => BtfType;

const vlen = (raw: Raw): number => raw.words[raw.at + 1] & 0xffffff;
const flag = (raw: Raw): boolean => raw.words[raw.at + 1] >>> 31 === 1;
const third = (raw: Raw): number => raw.words[raw.at + 2];
const name = (raw: Raw): string => raw.name(raw.words[raw.at]);

function linkage(raw: Raw, value: number): (typeof LINKAGES)[number] {
  const known = LINKAGES[value];
  if (known === undefined) throw new BtfError('unsupported', `unknown linkage ${value}`, raw.id);
  return known;
}

function int(raw: Raw): BtfType {
  const data = raw.words[raw.at + 3];
  const flags = (data >>> 24) & 0xf;
  const encoding = flags & INT_BOOL ? 'bool' : flags & INT_CHAR ? 'char' : flags & INT_SIGNED ? 'signed' : 'unsigned';
  return { kind: 'int', name: name(raw), size: third(raw), bits: data & 0xff, encoding };
}

function record(kind: 'struct' | 'union'): Decode {
  return (raw) => {
    const { words } = raw;
    const packed = flag(raw);
    const members: BtfMember[] = [];
    for (let i = 0, at = raw.at + 3, n = vlen(raw); i < n; i++, at += 3) {
      const offset = words[at + 2];
      members.push({
        name: raw.name(words[at]),
        type: words[at + 1],
        bitOffset: packed ? offset & 0xffffff : offset,
        bitSize: packed ? offset >>> 24 : 0,
      });
    }
    return { kind, name: name(raw), size: third(raw), members };
  };
}

function enum32(raw: Raw): BtfType {
  const signed = flag(raw);
  const values: BtfEnumerator[] = [];
  for (let i = 0, at = raw.at + 3, n = vlen(raw); i < n; i++, at += 2) {
    const word = raw.words[at + 1];
    values.push({ name: raw.name(raw.words[at]), value: BigInt(signed ? word | 0 : word) });
  }
  return { kind: 'enum', name: name(raw), size: third(raw), signed, values };
}

function enum64(raw: Raw): BtfType {
  const signed = flag(raw);
  const values: BtfEnumerator[] = [];
  for (let i = 0, at = raw.at + 3, n = vlen(raw); i < n; i++, at += 3) {
    const high = raw.words[at + 2];
    const value = (BigInt(signed ? high | 0 : high) << 32n) | BigInt(raw.words[at + 1]);
    values.push({ name: raw.name(raw.words[at]), value });
  }
  return { kind: 'enum64', name: name(raw), size: third(raw), signed, values };
}

function funcProto(raw: Raw): BtfType {
  const { words } = raw;
  const params: BtfParam[] = [];
  const n = vlen(raw);
  for (let i = 0, at = raw.at + 3; i < n; i++, at += 2) params.push({ name: raw.name(words[at]), type: words[at + 1] });
  // `...` is a last parameter without name and type.
  const last = raw.at + 3 + 2 * (n - 1);
  const variadic = n > 0 && words[last] === 0 && words[last + 1] === 0;
  if (variadic) params.pop();
  return { kind: 'funcProto', returns: third(raw), params, variadic };
}

function datasec(raw: Raw): BtfType {
  const { words } = raw;
  const entries = [];
  for (let i = 0, at = raw.at + 3, n = vlen(raw); i < n; i++, at += 3) {
    entries.push({ type: words[at], offset: words[at + 1], size: words[at + 2] });
  }
  return { kind: 'datasec', name: name(raw), size: third(raw), entries };
}

/** By kind number. */
const DECODERS: readonly (Decode | undefined)[] = [
  undefined,
  int,
  (raw) => ({ kind: 'ptr', type: third(raw) }),
  (raw) => ({
    kind: 'array',
    element: raw.words[raw.at + 3],
    index: raw.words[raw.at + 4],
    length: raw.words[raw.at + 5],
  }),
  record('struct'),
  record('union'),
  enum32,
  (raw) => ({ kind: 'fwd', name: name(raw), union: flag(raw) }),
  (raw) => ({ kind: 'typedef', name: name(raw), type: third(raw) }),
  (raw) => ({ kind: 'volatile', type: third(raw) }),
  (raw) => ({ kind: 'const', type: third(raw) }),
  (raw) => ({ kind: 'restrict', type: third(raw) }),
  (raw) => ({ kind: 'func', name: name(raw), type: third(raw), linkage: linkage(raw, vlen(raw)) }),
  funcProto,
  (raw) => ({ kind: 'var', name: name(raw), type: third(raw), linkage: linkage(raw, raw.words[raw.at + 3]) }),
  datasec,
  (raw) => ({ kind: 'float', name: name(raw), size: third(raw) }),
  (raw) => ({
    kind: 'declTag',
    name: name(raw),
    type: third(raw),
    component: raw.words[raw.at + 3] | 0,
    ...(flag(raw) ? { attribute: true } : {}),
  }),
  (raw) => ({ kind: 'typeTag', name: name(raw), type: third(raw), ...(flag(raw) ? { attribute: true } : {}) }),
  enum64,
];

export function decodeType(words: Uint32Array, at: number, id: number, name: (offset: number) => string): BtfType {
  const kind = (words[at + 1] >>> 24) & 0x7f;
  const decode = DECODERS[kind];
  if (decode === undefined) return { kind: 'unknown', raw: kind };
  return decode({ words, at, id, name });
}
