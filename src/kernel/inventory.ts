/**
 * What the kernel holds of BPF: programs, maps, links and BTF objects by id, of all processes.
 *
 * For leak tests and listings. Ids only grow while the machine runs, so "what was made since" is a set difference.
 *
 * Ids are free to look at; type and name need a descriptor, which is a reference to the object. Never take one to a
 * program array that may just be going away: its last descriptor's end makes the kernel count a reference for the
 * worker that empties it (prog_array_map_clear() in kernel/bpf/arraymap.c), and a second "last" descriptor that ends
 * before that worker ran counts one more, which nobody gives back. The array then stays until the machine restarts
 * (seen on 6.12 and 6.18). So wait by ids first, and describe only what has stayed.
 */
import { type BpfUse, bpf, bpfAnswer } from './bpf-attr.ts';
import { linkTypeName, mapTypeName, progTypeName } from './bpf-enums.ts';
import { btfInfo, linkInfo, mapInfo, progInfo, programMapIds } from './obj-info.ts';
import { type Kernel, KernelError } from './port.ts';

export type ObjectKind = 'program' | 'map' | 'link' | 'btf';

export interface KernelObject {
  readonly kind: ObjectKind;
  readonly id: number;
  readonly type: string;
  readonly name: string;
}

export interface Inventory {
  readonly program: ReadonlySet<number>;
  readonly map: ReadonlySet<number>;
  readonly link: ReadonlySet<number>;
  readonly btf: ReadonlySet<number>;
}

interface Row {
  readonly next: BpfUse & ('PROG_GET_NEXT_ID' | 'MAP_GET_NEXT_ID' | 'LINK_GET_NEXT_ID' | 'BTF_GET_NEXT_ID');
  readonly open: BpfUse & ('PROG_GET_FD_BY_ID' | 'MAP_GET_FD_BY_ID' | 'LINK_GET_FD_BY_ID' | 'BTF_GET_FD_BY_ID');
  describe(kernel: Kernel, fd: number): { readonly type: string; readonly name: string };
}

const ROWS: Readonly<Record<ObjectKind, Row>> = {
  program: {
    next: 'PROG_GET_NEXT_ID',
    open: 'PROG_GET_FD_BY_ID',
    describe: (kernel, fd) => {
      const info = progInfo(kernel, fd);
      return { type: progTypeName(info.type), name: info.name };
    },
  },
  map: {
    next: 'MAP_GET_NEXT_ID',
    open: 'MAP_GET_FD_BY_ID',
    describe: (kernel, fd) => {
      const info = mapInfo(kernel, fd);
      return { type: mapTypeName(info.type), name: info.name };
    },
  },
  link: {
    next: 'LINK_GET_NEXT_ID',
    open: 'LINK_GET_FD_BY_ID',
    describe: (kernel, fd) => ({ type: linkTypeName(linkInfo(kernel, fd, 'any').type), name: '' }),
  },
  btf: {
    next: 'BTF_GET_NEXT_ID',
    open: 'BTF_GET_FD_BY_ID',
    describe: (kernel, fd) => {
      const info = btfInfo(kernel, fd);
      return { type: info.kernel_btf === 0 ? 'program' : 'kernel', name: info.nameText };
    },
  },
};

/** Ids of one kind, ascending. Throws `KernelError` (EPERM needs CAP_SYS_ADMIN). */
export function objectIds(kernel: Kernel, kind: ObjectKind): number[] {
  const ids: number[] = [];
  let id = 0;
  for (;;) {
    try {
      id = bpfAnswer(kernel, ROWS[kind].next, { start_id: id }).attr.next_id;
    } catch (error) {
      if (error instanceof KernelError && error.code === 'ENOENT') return ids;
      throw error;
    }
    ids.push(id);
  }
}

export function takeInventory(kernel: Kernel): Inventory {
  return {
    program: new Set(objectIds(kernel, 'program')),
    map: new Set(objectIds(kernel, 'map')),
    link: new Set(objectIds(kernel, 'link')),
    btf: new Set(objectIds(kernel, 'btf')),
  };
}

/** What an object keeps in the kernel by itself: a link its program, a program its maps and types, a map its types. */
export function objectsBelow(kernel: Kernel, { kind, id }: Pick<KernelObject, 'kind' | 'id'>): Pick<KernelObject, 'kind' | 'id'>[] {
  return (
    inspect(kernel, kind, id, (fd) => {
      const below: Pick<KernelObject, 'kind' | 'id'>[] = [];
      const add = (of: ObjectKind, ids: readonly number[]) =>
        below.push(...ids.filter((one) => one !== 0).map((one) => ({ kind: of, id: one })));
      if (kind === 'link') add('program', [linkInfo(kernel, fd, 'any').prog_id]);
      if (kind === 'map') add('btf', [mapInfo(kernel, fd).btf_id]);
      if (kind === 'program') {
        add('btf', [progInfo(kernel, fd).btf_id]);
        add('map', programMapIds(kernel, fd));
      }
      return below;
    }) ?? []
  );
}

/** Ids that are there now and were not at the time of the inventory; opens nothing. */
export function idsSince(kernel: Kernel, before: Inventory): Pick<KernelObject, 'kind' | 'id'>[] {
  const kinds = ['program', 'map', 'link', 'btf'] as const;
  return kinds.flatMap((kind) =>
    objectIds(kernel, kind)
      .filter((id) => !before[kind].has(id))
      .map((id) => ({ kind, id })),
  );
}

/** The same with type and name, of what has not gone in the moment. */
export function madeSince(kernel: Kernel, before: Inventory): KernelObject[] {
  return idsSince(kernel, before).flatMap(({ kind, id }) => describeObject(kernel, kind, id) ?? []);
}

/** Type and name of an object; undefined if it is gone. */
export function describeObject(kernel: Kernel, kind: ObjectKind, id: number): KernelObject | undefined {
  return inspect(kernel, kind, id, (fd) => ({ kind, id, ...ROWS[kind].describe(kernel, fd) }));
}

/** Looks at an object through a descriptor of its own; undefined if it is gone. */
function inspect<T>(kernel: Kernel, kind: ObjectKind, id: number, look: (fd: number) => T): T | undefined {
  let fd: number;
  try {
    fd = bpf(kernel, ROWS[kind].open, { start_id: id });
  } catch (error) {
    if (error instanceof KernelError && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return look(fd);
  } finally {
    kernel.close(fd);
  }
}

export interface HeldObject {
  readonly kind: ObjectKind;
  readonly id: number;
  readonly fd: number;
}

/**
 * Ids of the objects that descriptors of this process hold, from /proc/self/fdinfo. What another process made at the
 * same time is not in it: a leak test that runs beside others compares this.
 */
export function ownObjects(kernel: Kernel): HeldObject[] {
  return objectsHeldBy(kernel, 'self');
}

/** The same of any process; empty where it is gone or not to be looked into. */
export function objectsHeldBy(kernel: Kernel, pid: number | 'self'): HeldObject[] {
  const held: HeldObject[] = [];
  let names: string[];
  try {
    names = kernel.readdir(`/proc/${pid}/fdinfo`);
  } catch {
    return held;
  }
  for (const name of names) {
    let text: string;
    try {
      text = new TextDecoder().decode(kernel.readFile(`/proc/${pid}/fdinfo/${name}`));
    } catch {
      // Closed meanwhile, as the descriptor of the listing itself is.
      continue;
    }
    for (const [kind, key] of OWN_KEYS) {
      const id = new RegExp(`^${key}:\\s*(\\d+)$`, 'm').exec(text)?.[1];
      if (id === undefined) continue;
      held.push({ kind, id: Number(id), fd: Number(name) });
      // A link's text also has the id of its program: the first key that matches says what the descriptor is.
      break;
    }
  }
  return held;
}

const OWN_KEYS: readonly (readonly [ObjectKind, string])[] = [
  ['link', 'link_id'],
  ['program', 'prog_id'],
  ['map', 'map_id'],
  ['btf', 'btf_id'],
];
