/** The tables of the kernel's ABI against the BTF of the kernel that runs. */
import assert from 'node:assert/strict';
import type { BtfSource } from '../../../src/btf/types.ts';
import { findMember, resolve, sizeOf } from '../../../src/btf/walk.ts';
import { ATTR, BPF_CMD, type BpfUse } from '../../../src/kernel/bpf-attr.ts';
import { ATTACH_TYPE, LINK_TYPE, MAP_FLAG, MAP_TYPE, PROG_TYPE } from '../../../src/kernel/bpf-enums.ts';
import { kernelBtf } from '../../../src/kernel/kernel-btf.ts';
import { type Fields, layoutOf } from '../../../src/kernel/layout.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { BTF_INFO, LINK_INFO, MAP_INFO, PROG_INFO } from '../../../src/kernel/obj-info.ts';
import { kernelTest } from '../../run/needs.ts';
import { attrPath, linkInfoPath } from './paths.ts';

function btf(): BtfSource {
  const found = kernelBtf(linuxKernel());
  assert.ok(found);
  return found;
}

function compare(
  label: string,
  type: string,
  kind: 'struct' | 'union',
  fields: Fields,
  path: (member: string) => string | undefined,
): { checked: number; absent: string[] } {
  const source = btf();
  const root = source.find(type, kind);
  assert.ok(root !== undefined, type);
  let checked = 0;
  const absent: string[] = [];
  for (const member of layoutOf(fields).members) {
    const where = path(member.name);
    if (where === undefined) continue;
    const found = memberAt(source, root, where);
    if (found === undefined) {
      absent.push(`${label}.${member.name}`);
      continue;
    }
    assert.equal(found.bitOffset / 8, member.offset, `${label}.${member.name}`);
    if (found.bitSize === 0) assert.equal(sizeOf(source, found.type), member.size, `size of ${label}.${member.name}`);
    checked++;
  }
  return { checked, absent };
}

function memberAt(source: BtfSource, root: number, path: string): ReturnType<typeof findMember> {
  try {
    return findMember(source, root, path);
  } catch {
    return undefined;
  }
}

kernelTest('attr and info structs lie as in this kernel', { btf: true }, () => {
  let checked = 0;
  const absent: string[] = [];
  const add = (r: { checked: number; absent: string[] }): void => {
    checked += r.checked;
    absent.push(...r.absent);
  };
  for (const [use, fields] of Object.entries(ATTR)) add(compare(use, 'bpf_attr', 'union', fields, (m) => attrPath(use as BpfUse, m)));
  add(compare('prog_info', 'bpf_prog_info', 'struct', PROG_INFO, (m) => m));
  add(compare('map_info', 'bpf_map_info', 'struct', MAP_INFO, (m) => m));
  add(compare('btf_info', 'bpf_btf_info', 'struct', BTF_INFO, (m) => m));
  for (const [kind, fields] of Object.entries(LINK_INFO))
    add(compare(`link_info ${kind}`, 'bpf_link_info', 'struct', fields, (m) => linkInfoPath(kind, m)));
  assert.ok(checked > 200, `${checked} members compared`);
  // Linux 6.18 has every member of the tables; older kernels lack the latest.
  if (kernelAtLeast(6, 18)) assert.deepEqual(absent, []);
});

function kernelAtLeast(major: number, minor: number): boolean {
  const [a = 0, b = 0] = new TextDecoder().decode(linuxKernel().readFile('/proc/sys/kernel/osrelease')).split('.').map(Number);
  return a > major || (a === major && b >= minor);
}

function enumerators(type: string, prefix: string): Map<string, number> {
  const source = btf();
  const id = source.find(type, 'enum', 'enum64');
  assert.ok(id !== undefined, type);
  const found = resolve(source, id);
  assert.ok(found.kind === 'enum' || found.kind === 'enum64');
  return new Map(found.values.filter((v) => v.name.startsWith(prefix)).map((v) => [v.name.slice(prefix.length), Number(v.value)]));
}

kernelTest('numbers of commands, types and flags are those of this kernel', { btf: true }, () => {
  const tables: readonly (readonly [string, string, Readonly<Record<string, number>>, boolean])[] = [
    ['bpf_cmd', 'BPF_', BPF_CMD, false],
    ['bpf_map_type', 'BPF_MAP_TYPE_', MAP_TYPE, true],
    ['bpf_prog_type', 'BPF_PROG_TYPE_', PROG_TYPE, true],
    ['bpf_attach_type', 'BPF_', ATTACH_TYPE, true],
    ['bpf_link_type', 'BPF_LINK_TYPE_', LINK_TYPE, true],
  ];
  for (const [type, prefix, table, lower] of tables) {
    const kernel = enumerators(type, prefix);
    let compared = 0;
    for (const [name, number] of Object.entries(table)) {
      const theirs = kernel.get(lower ? name.toUpperCase() : name);
      if (theirs === undefined) continue;
      assert.equal(number, theirs, `${type} ${name}`);
      compared++;
    }
    assert.ok(compared >= Math.min(kernel.size, Object.keys(table).length) - 3, `${type}: ${compared} of ${kernel.size} compared`);
  }
  const source = btf();
  for (const [name, number] of Object.entries(MAP_FLAG)) {
    const theirs = source.findEnumerator(`BPF_F_${name}`);
    if (theirs !== undefined) assert.equal(number, Number(theirs.value), name);
  }
});
