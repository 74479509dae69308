/**
 * Methods of BCC's tables: `counts.increment(key)`. One row for each: how many arguments, on which maps, and what it
 * becomes. Most are one helper call; the rest are small statement expressions.
 */

import type { Expr, MapDecl, VarDecl } from '../../c/ast.ts';
import { quoteType } from '../../c/sema/types/format.ts';
import type { QualType } from '../../c/types.ts';
import type { Loc } from '../../diagnostics.ts';
import { suggest } from '../../did-you-mean.ts';
import type { DialectContext } from '../dialect.ts';
import type { Block } from '../tree.ts';
import { builtinCall, callNamed, number, pointerTo, statementExpression } from '../tree.ts';
import { countingFailure, countingNull, countLost } from './lost.ts';

interface Use {
  readonly table: VarDecl;
  readonly map: MapDecl;
  readonly args: readonly Expr[];
  readonly loc: Loc;
  readonly context: DialectContext;
}

interface Method {
  readonly least: number;
  readonly most: number;
  /** Kernel's names of the maps that have it; all if not said. */
  readonly on?: readonly string[];
  readonly build: (use: Use) => Expr;
}

const ANY = 0;
const NOEXIST = 1;
const CURRENT_CPU = 0xffff_ffff;

/* ---------- parts ---------- */

function mapAddress({ table, loc, context: { actions } }: Use): Expr {
  const type = pointerTo(actions, { kind: 'void' }, loc);
  return { kind: 'mapAddress', type, loc, lvalue: false, map: table };
}

/** 'map' is the map, '=7' the number 7, 2 the third argument. */
type Part = 'map' | `=${number}` | number;

function helper(use: Use, name: string, parts: readonly Part[]): Expr {
  const {
    context: { actions },
    args,
    loc,
  } = use;
  return callNamed(
    actions,
    name,
    parts.map((part) => {
      if (part === 'map') return mapAddress(use);
      return typeof part === 'number' ? (args[part] as Expr) : number(actions, Number(part.slice(1)), loc);
    }),
    loc,
  );
}

function row(count: number, name: string, parts: readonly Part[], more: Partial<Method> = {}): Method {
  return { least: count, most: count, build: (use) => helper(use, name, parts), ...more };
}

/** As a pointer to the map's values. */
function leafPointer({ map, loc, context: { actions } }: Use, pointer: Expr): Expr {
  return map.value === undefined ? pointer : actions.cast(pointerTo(actions, map.value, loc), pointer, loc);
}

function typed(method: Method): Method {
  return { ...method, build: (use) => leafPointer(use, method.build(use)) };
}

/** As the method is, and what the kernel refuses is counted. */
function counted(method: Method, unless?: 'exists'): Method {
  return {
    ...method,
    build: (use) => {
      const call = method.build(use);
      return FILLED.includes(use.map.type) ? countingFailure(use.context.actions, use.table, call, use.loc, unless) : call;
    },
  };
}

function countedPointer(method: Method): Method {
  return { ...method, build: (use) => countingNull(use.context.actions, use.table, method.build(use), use.loc) };
}

function leafType({ map, loc, context: { actions } }: Use): QualType {
  return map.value ?? { type: actions.basicType(['unsigned', 'long', 'long'], loc), quals: 0 };
}

/* ---------- those that are more than one call ---------- */

/**
 * Looks up, and where there is nothing puts `*init` there and looks again. `orReturn`: leaves the calling function if
 * there is nothing even then.
 */
function lookupOrInit(use: Use, orReturn: boolean): Expr {
  const {
    context: { actions },
    args,
    loc,
  } = use;
  return statementExpression(actions, loc, (b) => {
    const key = b.local('key', pointerTo(actions, { kind: 'void' }, loc), args[0]);
    const lookup = (): Expr => leafPointer(use, callNamed(actions, 'bpf_map_lookup_elem', [mapAddress(use), key()], loc));
    const leaf = b.local('leaf', pointerTo(actions, leafType(use), loc), lookup());
    b.if(actions.unary('!', leaf(), loc), (then) => {
      then.do(callNamed(actions, 'bpf_map_update_elem', [mapAddress(use), key(), args[1] as Expr, number(actions, NOEXIST, loc)], loc));
      then.do(actions.assign('=', leaf(), lookup(), loc));
      then.if(actions.unary('!', leaf(), loc), (missing) => {
        if (FILLED.includes(use.map.type)) countLost(missing, use.table);
        if (orReturn) missing.return(number(actions, 0, loc));
      });
    });
    return leaf();
  });
}

function increment(use: Use, atomic: boolean): Expr {
  const {
    context: { actions },
    args,
    map,
    loc,
  } = use;
  const amount = (): Expr => args[1] ?? number(actions, 1, loc);
  return statementExpression(actions, loc, (b) => {
    const keyType = map.key ?? { type: actions.basicType(['int'], loc), quals: 0 };
    const key = b.local('key', keyType, args[0]);
    const by = b.local('by', leafType(use), amount());
    const pointer = (): Expr => actions.unary('&', key(), loc);
    const lookup = (): Expr => leafPointer(use, callNamed(actions, 'bpf_map_lookup_elem', [mapAddress(use), pointer()], loc));
    const leaf = b.local('leaf', pointerTo(actions, leafType(use), loc), lookup());
    const add = (then: Block): void => {
      if (atomic) then.do(builtinCall(actions, '__sync_fetch_and_add', [leaf(), by()], loc));
      else then.do(actions.assign('+=', actions.unary('*', leaf(), loc), by(), loc));
    };
    // Arrays have every key, and other hashes are as BCC has them: what is not there is not counted.
    b.if(
      leaf(),
      add,
      map.type !== 'hash'
        ? undefined
        : (otherwise) => {
            const put = callNamed(
              actions,
              'bpf_map_update_elem',
              [mapAddress(use), pointer(), actions.unary('&', by(), loc), number(actions, NOEXIST, loc)],
              loc,
            );
            // Another CPU may have put the key there meanwhile; else there is no room.
            otherwise.if(put, (refused) => {
              refused.do(actions.assign('=', leaf(), lookup(), loc));
              refused.if(leaf(), add, (full) => countLost(full, use.table));
            });
          },
    );
    return undefined;
  });
}

/** Length of the packet to copy in the upper half of the flags. */
function perfSubmitSkb(use: Use): Expr {
  const {
    context: { actions },
    args,
    loc,
  } = use;
  const wide: QualType = { type: actions.basicType(['unsigned', 'long', 'long'], loc), quals: 0 };
  const length = actions.binary('<<', actions.cast(wide, args[1] as Expr, loc), number(actions, 32, loc), loc);
  const flags = actions.binary('|', length, number(actions, CURRENT_CPU, loc), loc);
  return callNamed(actions, 'bpf_perf_event_output', [args[0] as Expr, mapAddress(use), flags, args[2] as Expr, args[3] as Expr], loc);
}

/* ---------- the table ---------- */

const HASHED = ['hash', 'percpu_hash', 'lru_hash', 'lru_percpu_hash', 'lpm_trie'];
/** Those that can be full. */
const FILLED = [...HASHED, 'ringbuf'];
const KEYED = [
  ...HASHED,
  'array',
  'percpu_array',
  'hash_of_maps',
  'array_of_maps',
  'sockmap',
  'sockhash',
  'devmap',
  'cpumap',
  'xskmap',
  'stack_trace',
  'prog_array',
  'perf_event_array',
  'cgroup_array',
];
const COUNTED = ['hash', 'percpu_hash', 'lru_hash', 'lru_percpu_hash', 'array', 'percpu_array'];
const PERF = ['perf_event_array'];
const RING = ['ringbuf'];
const QUEUED = ['queue', 'stack'];

export const METHODS: Readonly<Record<string, Method>> = {
  lookup: typed(row(1, 'bpf_map_lookup_elem', ['map', 0], { on: KEYED })),
  update: counted(row(2, 'bpf_map_update_elem', ['map', 0, 1, `=${ANY}`], { on: KEYED })),
  insert: counted(row(2, 'bpf_map_update_elem', ['map', 0, 1, `=${NOEXIST}`], { on: KEYED }), 'exists'),
  delete: row(1, 'bpf_map_delete_elem', ['map', 0], { on: KEYED }),
  lookup_or_try_init: { least: 2, most: 2, on: KEYED, build: (use) => lookupOrInit(use, false) },
  lookup_or_init: { least: 2, most: 2, on: KEYED, build: (use) => lookupOrInit(use, true) },
  increment: { least: 1, most: 2, on: COUNTED, build: (use) => increment(use, false) },
  atomic_increment: { least: 1, most: 2, on: COUNTED, build: (use) => increment(use, true) },
  perf_submit: row(3, 'bpf_perf_event_output', [0, 'map', `=${CURRENT_CPU}`, 1, 2], { on: PERF }),
  perf_submit_skb: { least: 4, most: 4, on: PERF, build: perfSubmitSkb },
  perf_read: row(1, 'bpf_perf_event_read', ['map', 0], { on: PERF }),
  perf_counter_value: row(3, 'bpf_perf_event_read_value', ['map', 0, 1, 2], { on: PERF }),
  ringbuf_output: counted(row(3, 'bpf_ringbuf_output', ['map', 0, 1, 2], { on: RING })),
  ringbuf_reserve: countedPointer(row(1, 'bpf_ringbuf_reserve', ['map', 0, '=0'], { on: RING })),
  ringbuf_submit: row(2, 'bpf_ringbuf_submit', [0, 1], { on: RING }),
  ringbuf_discard: row(2, 'bpf_ringbuf_discard', [0, 1], { on: RING }),
  ringbuf_query: row(1, 'bpf_ringbuf_query', ['map', 0], { on: RING }),
  get_stackid: row(2, 'bpf_get_stackid', [0, 'map', 1], { on: ['stack_trace'] }),
  call: row(2, 'bpf_tail_call', [0, 'map', 1], { on: ['prog_array'] }),
  check_current_task: row(1, 'bpf_current_task_under_cgroup', ['map', 0], { on: ['cgroup_array'] }),
  redirect_map: row(2, 'bpf_redirect_map', ['map', 0, 1], { on: ['devmap', 'cpumap', 'xskmap'] }),
  push: row(2, 'bpf_map_push_elem', ['map', 0, 1], { on: QUEUED }),
  pop: row(1, 'bpf_map_pop_elem', ['map', 0], { on: QUEUED }),
  peek: row(1, 'bpf_map_peek_elem', ['map', 0], { on: QUEUED }),
  sock_map_update: row(3, 'bpf_sock_map_update', [0, 'map', 1, 2], { on: ['sockmap'] }),
  sock_hash_update: row(3, 'bpf_sock_hash_update', [0, 'map', 1, 2], { on: ['sockhash'] }),
  msg_redirect_hash: row(3, 'bpf_msg_redirect_hash', [0, 'map', 1, 2], { on: ['sockhash'] }),
  sk_redirect_hash: row(3, 'bpf_sk_redirect_hash', [0, 'map', 1, 2], { on: ['sockhash'] }),
  sk_storage_get: typed(row(3, 'bpf_sk_storage_get', ['map', 0, 1, 2], { on: ['sk_storage'] })),
  sk_storage_delete: row(1, 'bpf_sk_storage_delete', ['map', 0], { on: ['sk_storage'] }),
  inode_storage_get: typed(row(3, 'bpf_inode_storage_get', ['map', 0, 1, 2], { on: ['inode_storage'] })),
  inode_storage_delete: row(1, 'bpf_inode_storage_delete', ['map', 0], { on: ['inode_storage'] }),
  task_storage_get: typed(row(3, 'bpf_task_storage_get', ['map', 0, 1, 2], { on: ['task_storage'] })),
  task_storage_delete: row(1, 'bpf_task_storage_delete', ['map', 0], { on: ['task_storage'] }),
  get_local_storage: typed(row(1, 'bpf_get_local_storage', ['map', 0], { on: ['cgroup_storage', 'percpu_cgroup_storage'] })),
};

/** A table that calls of methods can be made on. */
export function tableOf(base: Expr): VarDecl | undefined {
  return base.kind === 'ref' && base.decl.kind === 'var' && base.decl.map !== undefined ? base.decl : undefined;
}

export function callMethod(table: VarDecl, name: string, args: readonly Expr[], loc: Loc, context: DialectContext): Expr {
  const { actions, diagnostics } = context;
  const map = table.map as MapDecl;
  const method = Object.hasOwn(METHODS, name) ? METHODS[name] : undefined;
  const fail = (code: string, message: string): Expr => {
    diagnostics.error(code, loc, message);
    return actions.intLiteral('0', loc);
  };
  if (method === undefined) {
    const near = suggest(name, Object.keys(METHODS));
    return fail('unknown-method', `tables have no method '${name}'${near === undefined ? '' : `; did you mean '${near}'?`}`);
  }
  if (method.on?.includes(map.type) === false) {
    const kinds = method.on.length <= 3 ? `; it is for ${method.on.join(' and ')}` : '';
    return fail('wrong-map-kind', `'${name}' does not work on '${table.name}', a map of type ${map.type}${kinds}`);
  }
  if (args.length < method.least || args.length > method.most) {
    const count =
      method.least === method.most
        ? `${method.least} argument${method.least === 1 ? '' : 's'}`
        : `${method.least} or ${method.most} arguments`;
    return fail('bad-argument-count', `'${name}' takes ${count}; found ${args.length}`);
  }
  if (name === 'insert' && map.type.includes('array')) {
    diagnostics.warn('useless-insert', loc, `insert() never does anything on '${table.name}': all keys of an array are there`);
  }
  const addresses: Readonly<Record<number, Pointee>> = ADDRESSES[name] ?? {};
  const given = args.map((arg, index) => {
    const what = addresses[index];
    return what === undefined ? arg : asAddress(arg, index, { table, name, what, context });
  });
  return method.build({ table, map, args: given, loc, context });
}

type Pointee = 'key' | 'value' | 'record';

/** Which arguments are addresses, by index, and of what. */
const ADDRESSES: Readonly<Record<string, Readonly<Record<number, Pointee>>>> = {
  lookup: { 0: 'key' },
  delete: { 0: 'key' },
  update: { 0: 'key', 1: 'value' },
  insert: { 0: 'key', 1: 'value' },
  lookup_or_try_init: { 0: 'key', 1: 'value' },
  lookup_or_init: { 0: 'key', 1: 'value' },
  perf_submit: { 1: 'record' },
  perf_submit_skb: { 2: 'record' },
  perf_counter_value: { 1: 'value' },
  ringbuf_output: { 0: 'record' },
  ringbuf_submit: { 0: 'record' },
  ringbuf_discard: { 0: 'record' },
  push: { 0: 'value' },
  pop: { 0: 'value' },
  peek: { 0: 'value' },
  sock_map_update: { 1: 'key' },
  sock_hash_update: { 1: 'key' },
  msg_redirect_hash: { 1: 'key' },
  sk_redirect_hash: { 1: 'key' },
  sk_storage_get: { 1: 'value' },
  inode_storage_get: { 1: 'value' },
  task_storage_get: { 1: 'value' },
};

/** A number or a struct where an address is meant: said in the words of the method, not of the helper that it becomes. */
function asAddress(
  arg: Expr,
  index: number,
  {
    table,
    name,
    what,
    context,
  }: { readonly table: VarDecl; readonly name: string; readonly what: Pointee; readonly context: DialectContext },
): Expr {
  const { actions, diagnostics } = context;
  const { kind } = arg.type.type;
  if (kind === 'record') {
    const pointer = arg.kind === 'ref' ? `: &${arg.decl.name}` : arg.lvalue ? " (take the address with '&')" : '';
    diagnostics.error(
      'incompatible-assign',
      arg.loc,
      `'${table.name}.${name}' takes a pointer to the ${what}${pointer}; this is ${quoteType(arg.type)} itself`,
    );
    return arg.lvalue ? actions.unary('&', arg, arg.loc) : actions.intLiteral('0', arg.loc);
  }
  if ((kind !== 'int' && kind !== 'enum') || arg.kind === 'int') return arg;
  const fix = arg.kind === 'ref' ? `: '&${arg.decl.name}'` : '';
  diagnostics.warn(
    'int-conversion',
    arg.loc,
    `parameter ${index + 1} of '${table.name}.${name}' is the address of a ${what}, and this is ${quoteType(arg.type)}${fix}`,
  );
  return actions.cast(pointerTo(actions, { kind: 'void' }, arg.loc), arg, arg.loc);
}
