/**
 * struct_ops: a table of functions of the kernel (a congestion control, a scheduler class) whose functions are programs.
 *
 *   { name: 'bpf_fixed', ssthresh: 'fixed_ssthresh', … } ─▶ each function loaded for its member ─▶ a map whose only value
 *   is the kernel's struct, with descriptors of programs in place of pointers ─▶ registered
 *
 * Which structs there are is the kernel's to say: those with a `bpf_struct_ops_<name>` in its types. Minimum kernel: 5.6,
 * with BTF; as a link, which ends with its descriptor, 6.4. Before, what is registered stays until it is detached, also
 * if the process dies. Needs CAP_BPF and CAP_PERFMON (networks: CAP_NET_ADMIN). BPF_PROG_TYPE_STRUCT_OPS.
 */

import { BtfBuilder } from '../btf/builder.ts';
import { encodeBytes, makeCodec } from '../btf/codec.ts';
import type { BtfMember, BtfSource, BtfStruct } from '../btf/types.ts';
import { resolve, sizeOf } from '../btf/walk.ts';
import { bpf } from '../kernel/bpf-attr.ts';
import { ATTACH_TYPE, MAP_TYPE } from '../kernel/bpf-enums.ts';
import { FeatureError, NoSuchHookError, UsageError } from '../kernel/errors.ts';
import { featuresOf } from '../kernel/features.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { atLeast } from '../kernel/version.ts';
import { ObjectBtf } from '../link/load-btf.ts';
import { type AttachableProgram, type Attachment, attachment, explainAttach, type HookNeeds } from './attachment.ts';

/** Members by name: numbers and texts as they are, functions as programs. What is left out is zero. */
export type StructOpsValue = Readonly<Record<string, number | bigint | string | AttachableProgram>>;

interface Struct {
  readonly id: number;
  readonly type: BtfStruct;
  readonly wrapper: number;
  /** Where the struct starts in the wrapper, in bytes. */
  readonly offset: number;
  readonly btf: BtfSource;
}

const BPF_F_LINK = 1 << 13;

/** Whether a member of the struct is a pointer to a function. */
export function isFunctionMember(kernel: Kernel, name: string, member: string): boolean {
  const { btf, type } = findStruct(kernel, name);
  const found = memberOf(btf, type, name, member);
  return isFunctionPointer(btf, found);
}

export function attachStructOps(kernel: Kernel, name: string, value: StructOpsValue): Attachment {
  const struct = findStruct(kernel, name);
  const programs = Object.values(value).filter((one) => typeof one === 'object');
  const [first] = programs;
  if (first === undefined) throw new UsageError(`struct_ops '${name}': none of its functions is a program`);
  const needs: HookNeeds = {
    doing: `registering struct_ops '${name}'`,
    capabilities: ['CAP_BPF', 'CAP_PERFMON', 'CAP_NET_ADMIN'],
    feature: 'struct_ops programs',
    minKernel: '5.6',
    meanings: {
      EINVAL: 'the kernel refuses the struct: a function that it must have is missing, or a member has a value that it does not allow',
      EEXIST: 'there is one of this name already',
      EBUSY: 'there is one of this name already',
      ENOTSUPP: 'the kernel does not let programs provide this struct',
      EOPNOTSUPP: 'the kernel does not let programs provide this struct',
    },
  };
  const link = atLeast(featuresOf(kernel).version, '6.4');
  const bytes = encodeStruct(struct, name, value);
  let types = -1;
  let map: number;
  try {
    types = someTypes(kernel);
    map = bpf(kernel, 'MAP_CREATE', {
      map_type: MAP_TYPE.struct_ops,
      key_size: 4,
      value_size: bytes.length,
      max_entries: 1,
      map_flags: link ? BPF_F_LINK : 0,
      map_name: name.slice(0, 15),
      btf_fd: types,
      btf_vmlinux_value_type_id: struct.wrapper,
    });
  } catch (error) {
    throw explainAttach(kernel, error, needs);
  } finally {
    if (types >= 0) kernel.close(types);
  }
  const key = new Uint8Array(4);
  const about = { kind: 'struct_ops', target: name, program: first } as const;
  try {
    bpf(kernel, 'MAP_UPDATE_ELEM', { map_fd: map, key, value: bytes });
    if (link) {
      const fd = bpf(kernel, 'LINK_CREATE', { prog_fd: map, target_fd: 0, attach_type: ATTACH_TYPE.struct_ops });
      return attachment(kernel, { ...about, via: 'link', fds: [fd, map] });
    }
  } catch (error) {
    kernel.close(map);
    throw explainAttach(kernel, error, needs);
  }
  const undo = (): void => {
    try {
      bpf(kernel, 'MAP_DELETE_ELEM', { map_fd: map, key });
    } catch (error) {
      // EINPROGRESS: it goes when its last user has gone.
      if (!(error instanceof KernelError) || error.code !== 'EINPROGRESS') throw error;
    }
  };
  return attachment(kernel, { ...about, via: 'attach', fds: [map], undo });
}

/**
 * The map's value is the kernel's own type, and still the kernel wants types of ours beside it (-EINVAL without), of
 * which it uses none.
 */
function someTypes(kernel: Kernel): number {
  const btf = new BtfBuilder();
  btf.add({ kind: 'int', name: 'int', size: 4, bits: 32, encoding: 'signed' });
  return new ObjectBtf(btf).load(kernel);
}

function findStruct(kernel: Kernel, name: string): Struct {
  const { btf } = featuresOf(kernel);
  if (btf === undefined) throw new FeatureError('type information (BTF)', { why: 'struct_ops need it' });
  const prefix = 'bpf_struct_ops_';
  const wrapper = btf.find(prefix + name, 'struct');
  const id = btf.find(name, 'struct');
  if (wrapper === undefined || id === undefined) {
    const similar = btf.similar(prefix + name, 'struct').filter((s) => s.startsWith(prefix));
    throw new NoSuchHookError(
      `this kernel lets no program provide a struct '${name}'`,
      similar.map((s) => s.slice(prefix.length)),
    );
  }
  const outer = btf.type(wrapper) as BtfStruct;
  const data = outer.members.find((member) => member.name === 'data');
  if (data === undefined) throw new FeatureError(`struct_ops of the known form for '${name}'`);
  return { id, type: btf.type(id) as BtfStruct, wrapper, offset: data.bitOffset / 8, btf };
}

function memberOf(btf: BtfSource, type: BtfStruct, struct: string, name: string): BtfMember {
  const found = type.members.find((member) => member.name === name);
  if (found !== undefined) return found;
  const functions = type.members.filter((member) => isFunctionPointer(btf, member)).map((member) => member.name);
  throw new UsageError(`struct ${struct} of this kernel has no member '${name}'`, [], `its functions are ${functions.join(', ')}`);
}

function isFunctionPointer(btf: BtfSource, member: BtfMember): boolean {
  const type = resolve(btf, member.type);
  return type.kind === 'ptr' && resolve(btf, type.type).kind === 'funcProto';
}

/** The wrapper's bytes: in place of each function, the descriptor of its program. */
function encodeStruct(struct: Struct, name: string, value: StructOpsValue): Uint8Array {
  const plain: Record<string, number | bigint | string> = {};
  for (const [key, one] of Object.entries(value)) {
    const isFunction = isFunctionPointer(struct.btf, memberOf(struct.btf, struct.type, name, key));
    if (isFunction !== (typeof one === 'object'))
      throw new UsageError(`struct ${name}: '${key}' ${isFunction ? 'is a function and needs a program' : 'is no function'}`);
    plain[key] = typeof one === 'object' ? BigInt(one.fd) : one;
  }
  const bytes = new Uint8Array(sizeOf(struct.btf, struct.wrapper));
  bytes.set(encodeBytes(makeCodec(struct.btf, struct.id), plain), struct.offset);
  return bytes;
}
