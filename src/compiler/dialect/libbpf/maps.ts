/**
 * Maps as libbpf declares them. Three forms:
 *
 *   struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, u32); … } m SEC(".maps");
 *       numbers are lengths of arrays behind pointers, types are what members point to; nothing is initialised but
 *       the slots of `values`
 *   struct { __u32 type; … } m SEC(".maps") = { .type = BPF_MAP_TYPE_HASH, … };
 *       numbers in the initialiser
 *   struct bpf_map_def SEC("maps") m = { … };  (and iproute2's `struct bpf_elf_map`)
 *       before BTF: sizes instead of types
 */
import { mapTypeByNumber } from '../../../object/map-types.ts';
import type { Attribute, Expr, InitItem, MapDecl, VarDecl } from '../../c/ast.ts';
import type { Field, QualType, RecordType } from '../../c/types.ts';
import type { DialectContext } from '../dialect.ts';
import { isMapNumber, mapNumberProblem } from '../map-number.ts';

export function sectionOf(attributes: readonly Attribute[]): string | undefined {
  for (let i = attributes.length - 1; i >= 0; i--) {
    const { name, args } = attributes[i] as Attribute;
    if (name === 'section' && args[0]?.kind === 'string') return args[0].value;
  }
  return undefined;
}

export function libbpfMap(variable: VarDecl, context: DialectContext): MapDecl | undefined {
  const section = sectionOf(variable.attributes);
  if (section !== '.maps' && section !== 'maps') return undefined;
  const { type } = variable.type;
  if (type.kind !== 'record' || type.fields === undefined) {
    context.diagnostics.error('bad-map', variable.loc, `map '${variable.name}' must be a struct that describes it`);
    return undefined;
  }
  return describe(variable.name, type, initItems(variable), variable, section === 'maps', context);
}

function initItems(variable: VarDecl): readonly InitItem[] {
  return variable.init?.kind === 'list' ? variable.init.items : [];
}

/** Members that say one number, by all their names. */
const NUMBERS: Readonly<Record<string, string>> = {
  type: 'type',
  key_size: 'keySize',
  value_size: 'valueSize',
  max_entries: 'maxEntries',
  map_flags: 'flags',
  numa_node: 'numaNode',
  pinning: 'pinning',
  map_extra: 'extra',
  // iproute2
  size_key: 'keySize',
  size_value: 'valueSize',
  max_elem: 'maxEntries',
  flags: 'flags',
};
/** Members that are known and say nothing here. */
const IGNORED = new Set(['inner_map_idx', 'id', 'inner_id', 'inner_idx']);

function describe(
  name: string,
  record: RecordType,
  items: readonly InitItem[],
  variable: VarDecl,
  legacy: boolean,
  context: DialectContext,
): MapDecl | undefined {
  const numbers = new Map<string, bigint>();
  let key: QualType | undefined;
  let value: QualType | undefined;
  let inner: MapDecl | undefined;
  let values: { readonly index: number; readonly name: string }[] | undefined;
  for (const field of record.fields ?? []) {
    const number = Object.hasOwn(NUMBERS, field.name) ? NUMBERS[field.name] : undefined;
    if (number !== undefined) {
      const n = numberOf(field, items);
      if (n === undefined) {
        if (!legacy) bad(context, field, name, `member '${field.name}' must be written with __uint() or be a number`);
        continue;
      }
      numbers.set(number, n);
      if (number !== 'extra' && !isMapNumber(n))
        context.diagnostics.error('bad-map-number', field.loc, mapNumberProblem(name, field.name, n));
    } else if (field.name === 'key' || field.name === 'value') {
      const pointee = field.type.type.kind === 'pointer' ? field.type.type.to : undefined;
      if (pointee === undefined) bad(context, field, name, `member '${field.name}' must be written with __type()`);
      else if (field.name === 'key') key = pointee;
      else value = pointee;
    } else if (field.name === 'values') {
      inner = innerOf(name, field, variable, context);
      values = slotsOf(field, items, name, context);
    } else if (!IGNORED.has(field.name)) {
      bad(context, field, name, `'${field.name}' is no property of a map`);
    }
  }
  const typeNumber = numbers.get('type');
  const type = typeNumber === undefined ? undefined : mapTypeByNumber(Number(typeNumber))?.name;
  if (type === undefined) {
    context.diagnostics.error(
      'bad-map',
      variable.loc,
      typeNumber === undefined ? `map '${name}' has no type` : `map '${name}' has type ${typeNumber}, which no kernel knows`,
    );
    return undefined;
  }
  const number = (what: string): number | undefined => (numbers.has(what) ? Number(numbers.get(what)) : undefined);
  const optional = <K extends string, V>(k: K, v: V | undefined): Partial<Record<K, V>> =>
    v === undefined ? {} : ({ [k]: v } as Record<K, V>);
  return {
    name,
    type,
    key,
    value,
    maxEntries: number('maxEntries') ?? 0,
    flags: number('flags') ?? 0,
    ...optional('keySize', key === undefined ? number('keySize') : undefined),
    ...optional('valueSize', value === undefined ? number('valueSize') : undefined),
    ...optional('pin', pinOf(name, number('pinning'), legacy)),
    ...optional('extra', numbers.get('extra')),
    ...optional('numaNode', number('numaNode')),
    ...optional('inner', inner),
    ...optional('values', values),
  };
}

/** LIBBPF_PIN_BY_NAME is 1; iproute2's PIN_GLOBAL_NS is 2 and has a folder of its own. */
function pinOf(name: string, pinning: number | undefined, legacy: boolean): string | undefined {
  if (pinning === undefined || pinning === 0) return undefined;
  return legacy ? `/sys/fs/bpf/tc/globals/${name}` : `/sys/fs/bpf/${name}`;
}

function bad(context: DialectContext, field: Field, map: string, what: string): void {
  context.diagnostics.error('bad-map', field.loc, `map '${map}': ${what}`);
}

/** From the type (`__uint`, `__ulong`) or from the initialiser. */
function numberOf(field: Field, items: readonly InitItem[]): bigint | undefined {
  const { type } = field.type;
  if (type.kind === 'pointer' && type.to.type.kind === 'array') return BigInt(type.to.type.length ?? 0);
  if (type.kind === 'enum' && type.values?.length === 1) return type.values[0]?.value;
  if (type.kind !== 'int' && type.kind !== 'enum') return undefined;
  const item = items.find((i) => i.offset === field.offset);
  if (item === undefined) return 0n;
  let { value } = item;
  while (value.kind === 'cast') value = value.operand;
  return value.kind === 'int' ? value.value : undefined;
}

/** `__array(values, struct inner)`: the template of inner maps. */
function innerOf(name: string, field: Field, variable: VarDecl, context: DialectContext): MapDecl | undefined {
  const element = field.type.type.kind === 'array' ? field.type.type.of.type : undefined;
  const target = element?.kind === 'pointer' ? element.to.type : undefined;
  if (target?.kind !== 'record') return undefined;
  return describe(`${name}.inner`, target, [], variable, false, context);
}

/** `.values = { [1] = &map, (void *)&program }` */
function slotsOf(
  field: Field,
  items: readonly InitItem[],
  map: string,
  context: DialectContext,
): { index: number; name: string }[] | undefined {
  const slots: { index: number; name: string }[] = [];
  for (const { offset, value } of items) {
    if (offset < field.offset || value.kind === 'bytes') continue;
    const name = designated(value);
    if (name === undefined) {
      if (!isZero(value))
        context.diagnostics.error('bad-map', value.loc, `map '${map}': a slot can hold the address of a map or a program only`);
    } else {
      slots.push({ index: (offset - field.offset) / 8, name });
    }
  }
  return slots.length > 0 ? slots : undefined;
}

function designated(expr: Expr): string | undefined {
  let e = expr;
  for (;;) {
    if (e.kind === 'cast') e = e.operand;
    else if (e.kind === 'addressOf') e = e.operand;
    else if (e.kind === 'mapAddress') return e.map.name;
    else return e.kind === 'ref' ? e.decl.name : undefined;
  }
}

function isZero(expr: Expr): boolean {
  let e = expr;
  while (e.kind === 'cast') e = e.operand;
  return e.kind === 'int' && e.value === 0n;
}
