/**
 * Objects that skep wrote, loaded by libbpf into this kernel: the programs are the same as those of clang's own object.
 *
 * Pins go into a bpf file system of a private mount namespace, and are gone with it.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadableBtf } from '../../../src/btf/loadable.ts';
import { encodeBtf } from '../../../src/btf/write.ts';
import { BPF_CMD, bpf, encodeAttr } from '../../../src/kernel/bpf-attr.ts';
import { MAP_TYPE } from '../../../src/kernel/bpf-enums.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { KernelError } from '../../../src/kernel/port.ts';
import { MAP_TYPES, mapProblems } from '../../../src/object/map-types.ts';
import { readObject } from '../../../src/object/read.ts';
import { writeObject } from '../../../src/object/write.ts';
import { inTempDir, run } from '../../pure/object/clang.ts';
import { EXTERNS, fixture, LOADED_EXTERNS, MAPS } from '../../pure/object/fixtures.ts';
import { kernelTest } from '../../run/needs.ts';

const NEEDS = { btf: true, commands: ['clang-19', 'bpftool', 'unshare'] };

/** Runs shell text in a mount namespace of its own with a bpf file system at /sys/fs/bpf. */
function withBpffs(script: string): string {
  return inTempDir((dir) => {
    writeFileSync(join(dir, 'script'), `mount -t bpf none /sys/fs/bpf\n${script}`);
    return run('unshare', ['-m', '--propagation', 'private', 'sh', '-e', join(dir, 'script')]);
  });
}

/** Loads all programs; gives what each is after loading, without the numbers that differ from load to load. */
function loaded(object: Uint8Array, programs: readonly string[]): Record<string, string> {
  return inTempDir((dir) => {
    const path = join(dir, 'object.o');
    writeFileSync(path, object);
    const dumps = programs.map((p) => `bpftool prog dump xlated pinned /sys/fs/bpf/x/${p} > ${dir}/${p}.txt`).join('\n');
    // Calls are numbers in the dumps: to name them, bpftool reads all symbols of the kernel each time.
    withBpffs(`mkdir /sys/fs/bpf/x\nbpftool prog loadall ${path} /sys/fs/bpf/x\nmount --bind /dev/null /proc/kallsyms\n${dumps}`);
    return Object.fromEntries(
      programs.map((p) => [
        p,
        readFileSync(join(dir, `${p}.txt`), 'utf8')
          .replace(/map\[id:\d+\]/g, 'map')
          .replace(/\b0x[0-9a-f]{8,}\b/g, 'address'),
      ]),
    );
  });
}

function compare(object: Uint8Array, programs: readonly string[]): void {
  const want = loaded(object, programs);
  const got = loaded(writeObject(readObject(object)), programs);
  for (const program of programs) {
    // Source lines and function names come from .BTF.ext.
    assert.match(want[program], /^; /m);
    assert.equal(got[program], want[program], program);
  }
}

kernelTest('maps, static values, subprograms and data: the same after loading', NEEDS, () => {
  compare(fixture(MAPS), ['tail', 'main_prog', 'frags']);
});

// bpf_task_release is of 6.2.
kernelTest('CO-RE, kernel symbols and configuration: the same after loading', { ...NEEDS, minKernel: '6.2' }, () => {
  compare(fixture(LOADED_EXTERNS), ['on_switch', 'off']);
});

kernelTest('bpftool makes a skeleton of a written object', NEEDS, () => {
  inTempDir((dir) => {
    const skeleton = (object: Uint8Array, name: string): string => {
      writeFileSync(join(dir, name), object);
      return run('bpftool', ['gen', 'skeleton', join(dir, name), 'name', 'test']).replace(/data_sz = \d+|"\\[^;]*";/gs, '');
    };
    const object = fixture(MAPS);
    // The object's bytes stand in the skeleton; everything else must be the same.
    const declarations = (text: string): string => text.slice(0, text.indexOf('test__elf_bytes'));
    assert.equal(declarations(skeleton(writeObject(readObject(object)), 'b.o')), declarations(skeleton(object, 'a.o')));
  });
});

kernelTest('the kernel takes and refuses maps as the rules say', {}, () => {
  const shapes = MAP_TYPES.flatMap(({ name, needsBtf, holdsMaps }) => {
    // Some need types or templates; 6.18 has neither of the newest types.
    if (needsBtf || holdsMaps || ['struct_ops', 'cgroup_storage', 'percpu_cgroup_storage', 'insn_array', 'rhash', 'arena'].includes(name))
      return [];
    return [
      [4, 4],
      [4, 8],
      [4, 16],
      [8, 8],
      [0, 8],
      [0, 0],
      [4, 0],
      [4, 12],
      [3, 4],
    ].flatMap(([keySize, valueSize]) =>
      [0, 1].flatMap((flags) => [1, 4096].map((maxEntries) => ({ type: name, keySize, valueSize, maxEntries, flags }))),
    );
  });
  const kernel = linuxKernel();
  const takes = (s: (typeof shapes)[number]): boolean => {
    try {
      kernel.close(
        bpf(kernel, 'MAP_CREATE', {
          map_type: MAP_TYPE[s.type as keyof typeof MAP_TYPE],
          key_size: s.keySize,
          value_size: s.valueSize,
          max_entries: s.maxEntries,
          map_flags: s.flags,
          map_name: 'skep_shape',
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof KernelError) return false;
      throw error;
    }
  };
  const answers = shapes.map(takes);
  const accepted = new Set<string>();
  shapes.forEach((shape, i) => {
    if (!answers[i]) return;
    accepted.add(shape.type);
    assert.deepEqual(mapProblems(shape), [], JSON.stringify(shape));
  });
  // Of each of these, the shape that the rules ask for was among those tried.
  for (const type of [
    'hash',
    'array',
    'percpu_hash',
    'lru_hash',
    'prog_array',
    'perf_event_array',
    'stack_trace',
    'queue',
    'stack',
    'ringbuf',
    'lpm_trie',
    'devmap',
    'cpumap',
    'xskmap',
    'sockmap',
    'sockhash',
    'cgroup_array',
    'bloom_filter',
  ]) {
    assert.ok(accepted.has(type), type);
  }
  // Where the rules see nothing wrong, the kernel refuses for flags or entries only.
  const unexplained = shapes.filter((s, i) => !answers[i] && s.flags === 0 && s.maxEntries === 1 && mapProblems(s).length === 0);
  assert.deepEqual(
    unexplained.filter((s) => !s.type.includes('ringbuf')),
    [],
  );
});

kernelTest('the kernel takes the BTF of objects with externals once it is made loadable', NEEDS, () => {
  const kernel = linuxKernel();
  const load = (bytes: Uint8Array): void => {
    const log = new Uint8Array(1 << 16);
    const attr = encodeAttr(kernel, 'BTF_LOAD', {
      btf: bytes,
      btf_size: bytes.length,
      btf_log_buf: log,
      btf_log_size: log.length,
      btf_log_level: 1,
    });
    try {
      kernel.close(kernel.bpf(BPF_CMD.BTF_LOAD, attr));
    } catch (error) {
      throw new Error(
        `${error instanceof Error ? error.message : ''}: ${new TextDecoder()
          .decode(log.subarray(0, log.indexOf(0)))
          .trim()
          .split('\n')
          .at(-1)}`,
      );
    }
  };
  for (const source of [EXTERNS, MAPS]) {
    const { btf } = readObject(fixture(source));
    assert.ok(btf);
    load(encodeBtf(loadableBtf(btf)));
  }
  const { btf } = readObject(fixture(EXTERNS));
  assert.ok(btf);
  assert.throws(() => load(encodeBtf(btf)), /EINVAL/);
});
