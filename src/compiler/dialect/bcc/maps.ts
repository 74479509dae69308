/**
 * From the attributes that BCC's map macros leave on a variable to the map.
 */
import type { Attribute, AttributeArg, MapDecl, VarDecl } from '../../c/ast.ts';
import type { CType, QualType } from '../../c/types.ts';
import type { TargetFacts } from '../../target-facts.ts';
import type { DialectContext } from '../dialect.ts';
import { isMapNumber, mapNumberProblem } from '../map-number.ts';

/** BCC's name of a kind of table: the kernel's name of the map. */
export const KINDS: Readonly<Record<string, string>> = {
  hash: 'hash',
  array: 'array',
  histogram: 'hash',
  percpu_hash: 'percpu_hash',
  percpu_array: 'percpu_array',
  lru_hash: 'lru_hash',
  lru_percpu_hash: 'lru_percpu_hash',
  lpm_trie: 'lpm_trie',
  prog: 'prog_array',
  perf_output: 'perf_event_array',
  perf_array: 'perf_event_array',
  ringbuf: 'ringbuf',
  queue: 'queue',
  stack: 'stack',
  cgroup_array: 'cgroup_array',
  stacktrace: 'stack_trace',
  devmap: 'devmap',
  cpumap: 'cpumap',
  xskmap: 'xskmap',
  hash_of_maps: 'hash_of_maps',
  array_of_maps: 'array_of_maps',
  sk_storage: 'sk_storage',
  inode_storage: 'inode_storage',
  task_storage: 'task_storage',
  sockmap: 'sockmap',
  sockhash: 'sockhash',
  cgroup_storage: 'cgroup_storage',
  percpu_cgroup_storage: 'percpu_cgroup_storage',
  extern: 'hash',
};

function find(variable: VarDecl, name: string): Attribute | undefined {
  return variable.attributes.find((a) => a.name === name);
}

function string(arg: AttributeArg | undefined): string | undefined {
  return arg?.kind === 'string' ? arg.value : undefined;
}

export function bccMap(variable: VarDecl, { diagnostics, facts, maps }: DialectContext): MapDecl | undefined {
  const attribute = find(variable, 'skep_map');
  if (attribute === undefined) return undefined;
  const { name, loc } = variable;
  const [kindArg, keyArg, leafArg, entriesArg, flagsArg] = attribute.args;
  const spelled = string(kindArg) ?? '';
  // "hash_of_maps$inner" is how BCC's own macros say which map is inside.
  const [kind = '', innerName] = spelled.split('$');
  const kernelName = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (kernelName === undefined) {
    diagnostics.error('unknown-map-kind', loc, `map '${name}': there is no kind of table '${spelled}'`);
    return undefined;
  }
  // Otherwise an argument was in error and has been reported.
  if (keyArg?.kind !== 'type' || leafArg?.kind !== 'type' || entriesArg?.kind !== 'int' || flagsArg?.kind !== 'int') return undefined;
  const key = keyArg.type;
  const leaf = leafArg.type;
  if (!isMapNumber(entriesArg.value)) diagnostics.error('bad-map-number', loc, mapNumberProblem(name, 'entries', entriesArg.value));
  if (!isMapNumber(flagsArg.value)) diagnostics.error('bad-map-number', loc, mapNumberProblem(name, 'flags', flagsArg.value));
  const entries = Number(entriesArg.value);
  if (kind === 'histogram' && !isCounter(leaf)) diagnostics.error('bad-map', loc, `histogram '${name}' must count in u64`);
  const type = kind === 'histogram' && isPlainInt(key.type) ? 'array' : kernelName;
  const named = string(find(variable, 'skep_inner')?.args[0]) ?? innerName;
  const inner = named === undefined ? undefined : maps.get(named)?.map;
  if (named !== undefined && inner === undefined)
    diagnostics.error('undefined-table', loc, `map '${name}' is to hold maps like '${named}', and no such table is declared before it`);
  const pin = string(find(variable, 'skep_pin')?.args[0]);
  const share = string(find(variable, 'skep_share')?.args[0]);
  const sharing = kind === 'extern' ? 'extern' : share === 'public' || share === 'shared' ? share : undefined;
  const maxEntries = entriesOf(kind, type, entries, facts);
  if (isMapNumber(entriesArg.value) && !isMapNumber(maxEntries))
    diagnostics.error('bad-map-number', loc, mapNumberProblem(name, kind === 'ringbuf' ? 'bytes' : 'entries', maxEntries));
  return {
    name,
    type,
    key: hasKey(type) ? key : undefined,
    value: hasLeaf(type) ? leaf : undefined,
    maxEntries,
    flags: (Number(flagsArg.value) | (type.endsWith('_storage') && !type.includes('cgroup') ? 1 : 0)) >>> 0,
    role: kind,
    ...sizes(type),
    ...(inner === undefined ? {} : { inner }),
    ...(pin === undefined ? {} : { pin }),
    ...(sharing === undefined ? {} : { sharing }),
  };
}

/** What the kernel takes no types for has fixed sizes. */
function sizes(type: string): { keySize?: number; valueSize?: number } {
  switch (type) {
    case 'ringbuf':
      return { keySize: 0, valueSize: 0 };
    case 'queue':
    case 'stack':
      return { keySize: 0 };
    case 'perf_event_array':
    case 'prog_array':
    case 'cgroup_array':
    case 'array_of_maps':
      return { keySize: 4, valueSize: 4 };
    case 'hash_of_maps':
    case 'sockhash':
      return { valueSize: 4 };
    case 'devmap':
    case 'cpumap':
    case 'xskmap':
    case 'sockmap':
      return { keySize: 4, valueSize: 4 };
    default:
      return {};
  }
}

function hasKey(type: string): boolean {
  return !(type === 'ringbuf' || type === 'queue' || type === 'stack' || sizes(type).keySize !== undefined);
}

function hasLeaf(type: string): boolean {
  return sizes(type).valueSize === undefined;
}

function entriesOf(kind: string, type: string, entries: number, facts: TargetFacts): number {
  switch (kind) {
    case 'histogram':
      // Slots of one histogram; with more in the key there is one histogram for each of them.
      return entries > 0 ? entries : type === 'array' ? 64 : 10240;
    case 'perf_output':
      return facts.possibleCpus;
    case 'ringbuf':
      return entries * 4096;
    case 'stacktrace':
      return entries <= 1 ? 1 : 2 ** Math.ceil(Math.log2(entries));
    default:
      return entries;
  }
}

function isPlainInt(type: CType): boolean {
  return type.kind === 'int' && type.name === 'int';
}

function isCounter({ type }: QualType): boolean {
  return type.kind === 'int' && type.size === 8 && !type.signed;
}
