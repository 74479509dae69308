/**
 * BCC's map macros as C text. Each declares a variable whose attributes say what map it is (`maps.ts` reads them);
 * the struct has members `key` and `leaf`, because programs write `typeof(map.leaf)`.
 *
 *   skep_map("kind", key type, leaf type, entries, flags)
 *   skep_pin("path")   skep_inner("map")   skep_share("public")
 */

/** A macro of which the last arguments may be left out: one text per number of arguments. */
function overloaded(name: string, forms: Readonly<Record<number, { readonly params: string; readonly body: string }>>): string {
  const counts = Object.keys(forms)
    .map(Number)
    .sort((a, b) => a - b);
  const most = counts.at(-1) ?? 1;
  let text = counts.map((n) => `#define ${name}_${n}(${forms[n]?.params}) ${forms[n]?.body}\n`).join('');
  // Other numbers are said in the words of the user's macro, not of these.
  const wrong = `_Static_assert(0, "${name} takes ${range(counts)}")`;
  for (let n = 1; n < most; n++) if (forms[n] === undefined) text += `#define ${name}_${n}(args...) ${wrong}\n`;
  text += `#define ${name}_many(args...) ${wrong}\n`;
  const slots = Array.from({ length: most + TOO_MANY }, (_, i) => `_${i + 1}`).join(', ');
  text += `#define ${name}_pick(${slots}, chosen, ...) chosen\n`;
  const choices = [
    ...Array.from({ length: TOO_MANY }, () => `${name}_many`),
    ...Array.from({ length: most }, (_, i) => `${name}_${most - i}`),
  ].join(', ');
  return `${text}#define ${name}(args...) ${name}_pick(args, ${choices}, 0)(args)\n`;
}

/** So many arguments too many are noticed. */
const TOO_MANY = 6;

/** '3 or 4 arguments' */
function range(counts: readonly number[]): string {
  const [least, most] = [counts[0] ?? 0, counts.at(-1) ?? 0];
  return `${least === most ? least : `${least} ${most - least === 1 ? 'or' : 'to'} ${most}`} arguments`;
}

const TABLE = '__skep_table';
const NO_PREALLOC = '1';

function keyed(name: string, kind: string, flags = '0'): string {
  const body = (k: string, v: string, n: string): string => `${TABLE}(${kind}, ${k}, ${v}, _name, ${n}, ${flags})`;
  return overloaded(name, {
    1: { params: '_name', body: body('u64', 'u64', '10240') },
    2: { params: '_name, _key', body: body('_key', 'u64', '10240') },
    3: { params: '_name, _key, _leaf', body: body('_key', '_leaf', '10240') },
    4: { params: '_name, _key, _leaf, _n', body: body('_key', '_leaf', '_n') },
  });
}

function indexed(name: string, kind: string): string {
  const body = (v: string, n: string): string => `${TABLE}(${kind}, int, ${v}, _name, ${n}, 0)`;
  return overloaded(name, {
    1: { params: '_name', body: body('u64', '10240') },
    2: { params: '_name, _leaf', body: body('_leaf', '10240') },
    3: { params: '_name, _leaf, _n', body: body('_leaf', '_n') },
  });
}

/** Entries 0: what the kind of key asks for. */
const HISTOGRAM = overloaded('BPF_HISTOGRAM', {
  1: { params: '_name', body: `${TABLE}("histogram", int, u64, _name, 0, 0)` },
  2: { params: '_name, _key', body: `${TABLE}("histogram", _key, u64, _name, 0, 0)` },
  3: { params: '_name, _key, _n', body: `${TABLE}("histogram", _key, u64, _name, _n, 0)` },
});

const QUEUES = ['QUEUE', 'STACK']
  .map((word) =>
    overloaded(`BPF_${word}`, {
      3: { params: '_name, _leaf, _n', body: `BPF_QUEUESTACK("${word.toLowerCase()}", _name, _leaf, _n, 0)` },
      4: { params: '_name, _leaf, _n, _flags', body: `BPF_QUEUESTACK("${word.toLowerCase()}", _name, _leaf, _n, _flags)` },
    }),
  )
  .join('');

const STORAGES = (['SK', 'INODE', 'TASK'] as const)
  .map(
    (word) => `#define BPF_${word}_STORAGE(_name, _leaf) ${TABLE}("${word.toLowerCase()}_storage", int, _leaf, _name, 0, ${NO_PREALLOC})\n`,
  )
  .join('');

export const MAP_MACROS = `#define __skep_table_with(_kind, _key, _leaf, _name, _n, _flags, _more...) \\
	struct _name##_table_t { typeof(_key) key; typeof(_leaf) leaf; }; \\
	__attribute__((skep_map(_kind, _key, _leaf, _n, _flags), ##_more)) struct _name##_table_t _name
#define ${TABLE}(_kind, _key, _leaf, _name, _n, _flags) __skep_table_with(_kind, _key, _leaf, _name, _n, _flags)
#define BPF_TABLE(_kind, _key, _leaf, _name, _n) ${TABLE}(_kind, _key, _leaf, _name, _n, 0)
#define BPF_F_TABLE(_kind, _key, _leaf, _name, _n, _flags) ${TABLE}(_kind, _key, _leaf, _name, _n, _flags)
#define BPF_TABLE_PUBLIC(_kind, _key, _leaf, _name, _n) __skep_table_with(_kind, _key, _leaf, _name, _n, 0, skep_share("public"))
#define BPF_F_TABLE_PUBLIC(_kind, _key, _leaf, _name, _n, _flags) __skep_table_with(_kind, _key, _leaf, _name, _n, _flags, skep_share("public"))
${overloaded('BPF_TABLE_SHARED', {
  5: { params: '_kind, _key, _leaf, _name, _n', body: '__skep_table_with(_kind, _key, _leaf, _name, _n, 0, skep_share("shared"))' },
  6: {
    params: '_kind, _key, _leaf, _name, _n, _flags',
    body: '__skep_table_with(_kind, _key, _leaf, _name, _n, _flags, skep_share("shared"))',
  },
})}${overloaded('BPF_TABLE_PINNED', {
  6: { params: '_kind, _key, _leaf, _name, _n, _pin', body: '__skep_table_with(_kind, _key, _leaf, _name, _n, 0, skep_pin(_pin))' },
  7: {
    params: '_kind, _key, _leaf, _name, _n, _pin, _flags',
    body: '__skep_table_with(_kind, _key, _leaf, _name, _n, _flags, skep_pin(_pin))',
  },
})}#define BPF_QUEUESTACK(_kind, _name, _leaf, _n, _flags) ${TABLE}(_kind, int, _leaf, _name, _n, _flags)
#define BPF_QUEUESTACK_PINNED(_kind, _name, _leaf, _n, _flags, _pin) __skep_table_with(_kind, int, _leaf, _name, _n, _flags, skep_pin(_pin))
#define BPF_QUEUESTACK_PUBLIC(_kind, _name, _leaf, _n, _flags) __skep_table_with(_kind, int, _leaf, _name, _n, _flags, skep_share("public"))
#define BPF_QUEUESTACK_SHARED(_kind, _name, _leaf, _n, _flags) __skep_table_with(_kind, int, _leaf, _name, _n, _flags, skep_share("shared"))
${QUEUES}${keyed('BPF_HASH', '"hash"')}${keyed('BPF_PERCPU_HASH', '"percpu_hash"')}${keyed('BPF_LPM_TRIE', '"lpm_trie"', NO_PREALLOC)}
${indexed('BPF_ARRAY', '"array"')}${indexed('BPF_PERCPU_ARRAY', '"percpu_array"')}${HISTOGRAM}
#define BPF_HIST BPF_HISTOGRAM
#define BPF_PERF_OUTPUT(_name) ${TABLE}("perf_output", int, u32, _name, 0, 0)
#define BPF_RINGBUF_OUTPUT(_name, _pages) ${TABLE}("ringbuf", int, u32, _name, _pages, 0)
#define BPF_PERF_ARRAY(_name, _n) ${TABLE}("perf_array", int, u32, _name, _n, 0)
#define BPF_CGROUP_ARRAY(_name, _n) ${TABLE}("cgroup_array", int, u32, _name, _n, 0)
#define BPF_PROG_ARRAY(_name, _n) ${TABLE}("prog", u32, u32, _name, _n, 0)
#define BPF_STACK_TRACE(_name, _n) ${TABLE}("stacktrace", int, struct bpf_stacktrace, _name, _n, 0)
#define BPF_STACK_TRACE_BUILDID(_name, _n) ${TABLE}("stacktrace", int, struct bpf_stacktrace_buildid, _name, _n, 32)
#define BPF_XDP_REDIRECT_MAP(_kind, _name, _n) ${TABLE}(_kind, u32, u32, _name, _n, 0)
#define BPF_DEVMAP(_name, _n) BPF_XDP_REDIRECT_MAP("devmap", _name, _n)
#define BPF_CPUMAP(_name, _n) BPF_XDP_REDIRECT_MAP("cpumap", _name, _n)
${overloaded('BPF_XSKMAP', {
  2: { params: '_name, _n', body: 'BPF_XDP_REDIRECT_MAP("xskmap", _name, _n)' },
  3: { params: '_name, _n, _pin', body: '__skep_table_with("xskmap", u32, u32, _name, _n, 0, skep_pin(_pin))' },
})}#define BPF_ARRAY_OF_MAPS(_name, _inner, _n) __skep_table_with("array_of_maps", int, u32, _name, _n, 0, skep_inner(_inner))
${overloaded('BPF_HASH_OF_MAPS', {
  2: { params: '_name, _inner', body: '__skep_table_with("hash_of_maps", int, u32, _name, 10240, 0, skep_inner(_inner))' },
  3: { params: '_name, _key, _inner', body: '__skep_table_with("hash_of_maps", _key, u32, _name, 10240, 0, skep_inner(_inner))' },
  4: { params: '_name, _key, _inner, _n', body: '__skep_table_with("hash_of_maps", _key, u32, _name, _n, 0, skep_inner(_inner))' },
})}${STORAGES}#define BPF_SOCKMAP(_name, _n) ${TABLE}("sockmap", u32, u32, _name, _n, 0)
${overloaded('BPF_SOCKHASH', {
  1: { params: '_name', body: `${TABLE}("sockhash", u32, u32, _name, 10240, 0)` },
  2: { params: '_name, _key', body: `${TABLE}("sockhash", _key, u32, _name, 10240, 0)` },
  3: { params: '_name, _key, _n', body: `${TABLE}("sockhash", _key, u32, _name, _n, 0)` },
})}#define BPF_CGROUP_STORAGE(_name, _leaf) ${TABLE}("cgroup_storage", struct bpf_cgroup_storage_key, _leaf, _name, 0, 0)
#define BPF_PERCPU_CGROUP_STORAGE(_name, _leaf) ${TABLE}("percpu_cgroup_storage", struct bpf_cgroup_storage_key, _leaf, _name, 0, 0)
#define BPF_ANNOTATE_KV_PAIR(_name, _key, _leaf)
`;
