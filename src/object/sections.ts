/**
 * From a section's name to what its program is: `fentry.s/vfs_read`, `?tracepoint/block/block_rq_issue`, `socket1`.
 *
 * First libbpf's table with its exact rules (`section-defs.ts`). What is not in it may be a name from the time before
 * libbpf: loaders then went by the first letters, so `socket1`, `xdp_icmp` and `cgroup/sock2` still are what they say.
 * A name that fits neither has no type; who loads it must say (`iproute2` is told on its command line).
 */
import type { AttachTypeName } from './attach-types.ts';
import type { ProgramTypeName } from './program-types.ts';
import { type AutoAttach, SECTION_DEFS, type SectionDef } from './section-defs.ts';

export interface SectionMatch {
  readonly type: ProgramTypeName;
  readonly attachType?: AttachTypeName;
  /** As `ProgramSpec.target` has it: 'block:block_rq_issue', 'vfs_read'. */
  readonly target?: string;
  /** How opening the object attaches the program by itself, where it can. */
  readonly attach?: AutoAttach;
  readonly autoLoad: boolean;
  readonly sleepable: boolean;
  readonly xdpFrags: boolean;
  readonly btfTarget: boolean;
  /** The attach type may be left out on kernels that do not take it. */
  readonly optional: boolean;
  readonly usdt: boolean;
  /** The name is of the old kind; libbpf would not know it. */
  readonly legacy: boolean;
}

/** Beginnings of section names before libbpf, in the order in which they were tried. */
const LEGACY: readonly { readonly prefix: string; readonly type: ProgramTypeName; readonly attachType?: AttachTypeName }[] = [
  { prefix: 'socket', type: 'socket_filter' },
  { prefix: 'xdp', type: 'xdp' },
  { prefix: 'perf_event', type: 'perf_event' },
  { prefix: 'cgroup/skb', type: 'cgroup_skb' },
  { prefix: 'cgroup/sock', type: 'cgroup_sock', attachType: 'cgroup_inet_sock_create' },
  { prefix: 'cgroup/dev', type: 'cgroup_device', attachType: 'cgroup_device' },
  { prefix: 'sockops', type: 'sock_ops', attachType: 'cgroup_sock_ops' },
  { prefix: 'sk_skb', type: 'sk_skb' },
  { prefix: 'sk_msg', type: 'sk_msg', attachType: 'sk_msg_verdict' },
  { prefix: 'classifier', type: 'sched_cls' },
  { prefix: 'tc_', type: 'sched_cls' },
  { prefix: 'tc/', type: 'sched_cls' },
  { prefix: 'action', type: 'sched_act' },
];

/** Undefined for a name that says nothing. */
export function matchSection(section: string): SectionMatch | undefined {
  const autoLoad = !section.startsWith('?');
  const name = autoLoad ? section : section.slice(1);
  for (const def of SECTION_DEFS) {
    const extra = extraOf(def.pattern, name);
    if (extra !== undefined) return fromDef(def, extra, autoLoad);
  }
  const old = LEGACY.find(({ prefix }) => name.startsWith(prefix));
  if (old === undefined) return undefined;
  return {
    type: old.type,
    ...(old.attachType === undefined ? {} : { attachType: old.attachType }),
    autoLoad,
    sleepable: false,
    xdpFrags: false,
    btfTarget: false,
    optional: old.attachType !== undefined,
    usdt: false,
    legacy: true,
  };
}

/** What stands behind the pattern: '' for nothing, undefined where the name does not match. */
function extraOf(pattern: string, name: string): string | undefined {
  const last = pattern.at(-1);
  const base = last === '+' || last === '/' ? pattern.slice(0, -1) : pattern;
  if (name === base) return last === '/' ? undefined : '';
  if (base === pattern || !name.startsWith(base) || name[base.length] !== '/') return undefined;
  const extra = name.slice(base.length + 1);
  return extra === '' && last === '/' ? undefined : extra;
}

function fromDef(def: SectionDef, extra: string, autoLoad: boolean): SectionMatch {
  return {
    type: def.type,
    ...(def.attachType === undefined ? {} : { attachType: def.attachType }),
    ...(extra === '' ? {} : { target: def.attach === 'tp' ? extra.replace('/', ':') : extra }),
    ...(def.attach === undefined ? {} : { attach: def.attach }),
    autoLoad,
    sleepable: def.sleepable === true,
    xdpFrags: def.xdpFrags === true,
    btfTarget: def.btfTarget === true,
    optional: def.optional === true,
    usdt: def.usdt === true,
    legacy: false,
  };
}
