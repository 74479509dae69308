/**
 * Map definitions in BTF: the struct that `__uint(type, …); __type(key, …);` in `SEC(".maps")` makes.
 *
 *   __uint(name, N)     int (*name)[N]         a number is the length of an array
 *   __ulong(name, N)    enum { x = N } name    or the value of an enumerator
 *   __type(name, T)     T *name
 *   __array(values, D)  D *values[]            inner map definition, or function type of a program array
 *
 * Read from objects, and written into those that other loaders shall take. Source: libbpf's bpf_helpers.h.
 */
import type { BtfBuilder } from '../btf/builder.ts';
import type { BtfMember, BtfSource, BtfType } from '../btf/types.ts';
import { resolve, resolveId, sizeOf } from '../btf/walk.ts';
import { ObjectError } from './error.ts';
import { mapType, mapTypeByNumber } from './map-types.ts';
import type { MapSpec } from './spec.ts';

/** Where maps with `LIBBPF_PIN_BY_NAME` are pinned. */
export const PIN_FOLDER = '/sys/fs/bpf';

export interface MapDefinition {
  readonly spec: MapSpec;
  /** Where static values begin in the variable, if it may have any. */
  readonly valuesAt: number | undefined;
}

export function parseMapDefinition(btf: BtfSource, variable: number): MapDefinition {
  const type = btf.type(variable);
  if (type.kind !== 'var') throw new ObjectError('map', `section '.maps' lists a type of kind ${type.kind}`);
  if (type.linkage === 'extern') throw new ObjectError('unsupported', `map '${type.name}' is external: link the objects first`);
  return parseStruct(btf, type.type, type.name, false);
}

function parseStruct(btf: BtfSource, id: number, name: string, isInner: boolean): MapDefinition {
  const wrong = (message: string): ObjectError => new ObjectError('map', `map '${name}': ${message}`);
  const struct: BtfType = resolve(btf, id);
  if (struct.kind !== 'struct') throw wrong(`its definition is a ${struct.kind}, not a struct`);
  const numbers = new Map<string, bigint>();
  const types = new Map<string, number>();
  let inner: MapSpec | undefined;
  let valuesAt: number | undefined;
  for (const member of struct.members) {
    switch (member.name) {
      case 'type':
      case 'max_entries':
      case 'map_flags':
      case 'numa_node':
      case 'key_size':
      case 'value_size':
      case 'pinning':
      case 'map_extra':
        numbers.set(member.name, numberOf(btf, member, name));
        break;
      case 'key':
      case 'value': {
        const pointer = resolve(btf, member.type);
        if (pointer.kind !== 'ptr') throw wrong(`'${member.name}' is no pointer to a type`);
        types.set(member.name, pointer.type);
        break;
      }
      case 'values': {
        if (isInner) throw new ObjectError('unsupported', `map '${name}': maps of maps of maps`);
        valuesAt = member.bitOffset / 8;
        const array = resolve(btf, member.type);
        const pointer = array.kind === 'array' ? resolve(btf, array.element) : array;
        if (pointer.kind !== 'ptr') throw wrong("'values' is no array of pointers");
        const target = resolve(btf, pointer.type);
        if (target.kind === 'struct') inner = parseStruct(btf, pointer.type, `${name}.inner`, true).spec;
        else if (target.kind !== 'funcProto') throw wrong("'values' holds neither maps nor programs");
        break;
      }
      default:
        throw wrong(`unknown field '${member.name}'`);
    }
  }
  const number = (key: string): number => Number(numbers.get(key) ?? 0n);
  const typeNumber = number('type');
  const kind = mapTypeByNumber(typeNumber);
  if (kind === undefined) throw wrong(numbers.has('type') ? `unknown map type ${typeNumber}` : 'it has no type');
  const [keyType, valueType] = [types.get('key') ?? 0, types.get('value') ?? 0];
  const pinning = number('pinning');
  if (pinning > 1) throw wrong(`unknown pinning ${pinning}`);
  const size = (what: 'key' | 'value', type: number): number => {
    const given = numbers.get(`${what}_size`);
    if (type === 0) return Number(given ?? 0n);
    const actual = sizeOf(btf, type);
    if (given !== undefined && Number(given) !== actual) throw wrong(`${what}_size is ${given}, but the ${what} has ${actual} bytes`);
    return actual;
  };
  const holdsDescriptors = kind.holdsMaps || kind.name === 'prog_array';
  return {
    spec: {
      name,
      type: kind.name,
      keySize: size('key', keyType),
      valueSize: size('value', valueType) || (holdsDescriptors ? 4 : 0),
      maxEntries: number('max_entries'),
      flags: number('map_flags'),
      keyType,
      valueType,
      ...(numbers.has('map_extra') ? { extra: numbers.get('map_extra') ?? 0n } : {}),
      ...(numbers.has('numa_node') ? { numaNode: number('numa_node') } : {}),
      ...(pinning === 1 ? { pin: `${PIN_FOLDER}/${name}` } : {}),
      ...(inner === undefined ? {} : { inner }),
    },
    valuesAt,
  };
}

function numberOf(btf: BtfSource, member: BtfMember, map: string): bigint {
  const type = resolve(btf, member.type);
  if ((type.kind === 'enum' || type.kind === 'enum64') && type.values.length === 1) return type.values[0].value;
  const array = type.kind === 'ptr' ? resolve(btf, type.type) : undefined;
  if (array?.kind !== 'array') throw new ObjectError('map', `map '${map}': '${member.name}' is no number`);
  return BigInt(array.length);
}

/** The variable for a map in BTF: the one that is there if it still says the same, else a new one. */
export function mapVariable(builder: BtfBuilder, map: MapSpec, existing: number | undefined): number {
  if (existing !== undefined && saysTheSame(builder, existing, map)) return existing;
  const struct = mapStruct(builder, map, false);
  return builder.add({ kind: 'var', name: map.name, type: struct, linkage: 'global' });
}

function saysTheSame(btf: BtfSource, variable: number, map: MapSpec): boolean {
  try {
    const { spec, valuesAt } = parseMapDefinition(btf, variable);
    if ((map.values?.length ?? 0) > 0 && valuesAt === undefined) return false;
    return sameMap(spec, map);
  } catch (error) {
    if (error instanceof ObjectError) return false;
    throw error;
  }
}

function sameMap(a: MapSpec, b: MapSpec): boolean {
  return (
    a.type === b.type &&
    a.keySize === b.keySize &&
    a.valueSize === b.valueSize &&
    a.maxEntries === b.maxEntries &&
    a.flags === b.flags &&
    a.keyType === b.keyType &&
    a.valueType === b.valueType &&
    (a.extra ?? 0n) === (b.extra ?? 0n) &&
    a.numaNode === b.numaNode &&
    a.pin === b.pin &&
    (a.inner === undefined) === (b.inner === undefined) &&
    (a.inner === undefined || b.inner === undefined || sameMap(a.inner, b.inner))
  );
}

function mapStruct(builder: BtfBuilder, map: MapSpec, isInner: boolean): number {
  const kind = mapType(map.type);
  if (kind === undefined) throw new ObjectError('map', `map '${map.name}': there is no map type '${map.type}'`);
  const int = builder.add({ kind: 'int', name: 'int', size: 4, bits: 32, encoding: 'signed' });
  const index =
    builder.find('__ARRAY_SIZE_TYPE__', 'int') ??
    builder.add({ kind: 'int', name: '__ARRAY_SIZE_TYPE__', size: 4, bits: 32, encoding: 'unsigned' });
  const members: BtfMember[] = [];
  const member = (name: string, type: number): void => {
    members.push({ name, type, bitOffset: members.length * 64, bitSize: 0 });
  };
  const pointer = (type: number): number => builder.add({ kind: 'ptr', type });
  const uint = (name: string, value: number): void => {
    member(name, pointer(builder.add({ kind: 'array', element: int, index, length: value })));
  };
  const sized = (what: 'key' | 'value', type: number, size: number): void => {
    if (type !== 0 && size === sizeOf(builder, resolveId(builder, type))) member(what, pointer(type));
    else if (size !== 0) uint(`${what}_size`, size);
  };
  uint('type', kind.number);
  if (map.maxEntries !== 0) uint('max_entries', map.maxEntries);
  if (map.flags !== 0) uint('map_flags', map.flags);
  if (map.numaNode !== undefined) uint('numa_node', map.numaNode);
  sized('key', map.keyType, map.keySize);
  // Descriptors of what `values` says: their size goes without saying, and libbpf knows it.
  const saysValues = map.inner !== undefined || (kind.name === 'prog_array' && (map.values?.length ?? 0) > 0);
  if (!saysValues) sized('value', map.valueType, map.valueSize);
  if (map.pin !== undefined) {
    if (isInner || map.pin !== `${PIN_FOLDER}/${map.name}`) {
      throw new ObjectError(
        'unsupported',
        `map '${map.name}': an object can only say that it is pinned at ${PIN_FOLDER}/${map.name}, not ${map.pin}`,
      );
    }
    uint('pinning', 1);
  }
  if (map.extra !== undefined && map.extra !== 0n) {
    if (map.extra <= 0xffffffffn) uint('map_extra', Number(map.extra));
    else {
      const holder = builder.add({
        kind: 'enum64',
        name: '',
        size: 8,
        signed: false,
        values: [{ name: `__skep_${map.extra.toString(16)}`, value: map.extra }],
      });
      member('map_extra', holder);
    }
  }
  if (saysValues) {
    const target = map.inner === undefined ? programPrototype(builder, int) : mapStruct(builder, map.inner, true);
    member('values', builder.add({ kind: 'array', element: pointer(target), index, length: 0 }));
  }
  const size = members.reduce((sum, m) => sum + (m.name === 'values' ? 0 : 8), 0);
  return builder.add({ kind: 'struct', name: '', size, members });
}

function programPrototype(builder: BtfBuilder, int: number): number {
  const context = builder.add({ kind: 'ptr', type: 0 });
  return builder.add({ kind: 'funcProto', returns: int, params: [{ name: '', type: context }], variadic: false });
}
