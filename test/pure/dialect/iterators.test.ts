/** libbpf's open-coded iterators: the kernel's functions are played by the machine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { libbpfDialect } from '../../../src/compiler/dialect/libbpf/dialect.ts';
import type { HelperFunction } from '../../../src/vm/helpers/call.ts';
import { createMachine } from '../../../src/vm/machine.ts';
import { build } from './run.ts';

const HEAD =
  '#include <bpf/bpf_helpers.h>\nstruct bpf_iter_num { unsigned long long state; } __attribute__((aligned(8)));\nchar _license[] SEC("license") = "GPL";\n';

/** A count of open iterators, and the kernel's three functions over `{ int current, end }`. */
function kernel(): { readonly open: () => number; readonly made: () => number; readonly kfuncs: Readonly<Record<string, HelperFunction>> } {
  let open = 0;
  let made = 0;
  const words = (call: Parameters<HelperFunction>[0]): Int32Array => {
    const { bytes } = call.memory;
    return new Int32Array(bytes.buffer, bytes.byteOffset + call.writable(1, 8), 2);
  };
  return {
    open: () => open,
    made: () => made,
    kfuncs: {
      bpf_iter_num_new: (call) => {
        const it = words(call);
        it[0] = call.int(2) - 1;
        it[1] = call.int(3);
        open++;
        made++;
        return 0;
      },
      bpf_iter_num_next: (call) => {
        const it = words(call);
        if ((it[0] ?? 0) + 1 >= (it[1] ?? 0)) return 0;
        it[0] = (it[0] ?? 0) + 1;
        return call.long(1);
      },
      bpf_iter_num_destroy: () => {
        open--;
        return 0;
      },
    },
  };
}

const cases: Readonly<Record<string, readonly [text: string, result: bigint, iterators: number]>> = {
  'a whole loop': ['int i, sum = 0; bpf_for(i, 2, 6) sum += i; return sum;', 14n, 1],
  'an empty range': ['int i, n = 0; bpf_for(i, 5, 5) n++; return n;', 0n, 1],
  'break and continue': ['int i, sum = 0; bpf_for(i, 0, 100) { if (i & 1) continue; if (i > 8) break; sum += i; } return sum;', 20n, 1],
  'return from two loops': ['int i, j; bpf_for(i, 0, 5) bpf_for(j, 0, 5) if (i * j == 6) return i * 10 + j; return -1;', 23n, 4],
  'goto out of a loop': ['int i; bpf_for(i, 0, 5) { if (i == 3) goto out; } i = 9; out: return i;', 3n, 1],
  repeat: ['int n = 0; bpf_repeat(7) n += 2; return n;', 14n, 1],
};

for (const [name, [text, result, iterators]] of Object.entries(cases)) {
  test(`bpf_for: ${name}`, () => {
    const { open, made, kfuncs } = kernel();
    const machine = createMachine(build(`${HEAD}SEC("socket") int f(void *ctx) { ${text} }`, libbpfDialect), {
      kfuncs,
      engine: 'interpreter',
    });
    assert.equal(BigInt.asIntN(32, machine.run('f', { ctx: new Uint8Array(8) }).r0), result);
    assert.deepEqual([open(), made()], [0, iterators]);
  });
}
