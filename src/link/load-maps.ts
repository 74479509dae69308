/**
 * Maps: from their description to descriptors.
 *
 *   MapSpec ─▶ fix-ups (sizes that only this machine knows) ─▶ pinned or given already? use that
 *                                                           ─▶ MAP_CREATE, with types; without, if the kernel wants it so
 *           ─▶ contents of data sections, inner maps ─▶ freeze ─▶ pin
 *
 * The fix-ups are those that every loader makes: ring buffers are a power of two of pages, perf event arrays have a slot
 * for each CPU, some map types take no types of keys and values. Source: libbpf's behaviour and kernel/bpf/*map*.c.
 */
import { bpf, cString } from '../kernel/bpf-attr.ts';
import { MAP_FLAG } from '../kernel/bpf-enums.ts';
import { explainDenied } from '../kernel/capabilities.ts';
import { possibleCpus } from '../kernel/cpus.ts';
import { FeatureError, isDenied } from '../kernel/errors.ts';
import { raiseMemlock } from '../kernel/memlock.ts';
import { mapInfo } from '../kernel/obj-info.ts';
import { pageSize } from '../kernel/page-size.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { atLeast, readKernelVersion } from '../kernel/version.ts';
import { type MapType, mapProblems, mapType, ringSize } from '../object/map-types.ts';
import type { MapSpec } from '../object/spec.ts';
import { LinkError } from './error.ts';

export interface LoadedMap {
  readonly name: string;
  /** Open until the object is closed; throws `UsageError` from then on. */
  readonly fd: number;
  /** The description as it was created: sizes fixed up. */
  readonly spec: MapSpec;
  /** False for a map that came from outside or from a pin. */
  readonly created: boolean;
}

const AT_FDCWD = -100;

/** Capabilities beyond CAP_BPF that making a map takes. */
const NETWORK_MAPS: ReadonlySet<string> = new Set(['devmap', 'devmap_hash', 'cpumap', 'xskmap', 'sockmap', 'sockhash']);

export function fixUpMap(spec: MapSpec, kernel: Kernel): MapSpec {
  let { maxEntries, flags, keySize, valueSize } = spec;
  const type = mapType(spec.type);
  if (type?.isRing === true) maxEntries = ringSize(maxEntries, pageSize(kernel));
  if (type?.mustHaveZeroMaxEntries === true) maxEntries = 0;
  if (type?.mustHaveNoPrealloc === true) flags |= MAP_FLAG.NO_PREALLOC;
  if (type?.mustHaveMmapable === true) flags |= MAP_FLAG.MMAPABLE;
  if (spec.numaNode !== undefined) flags |= MAP_FLAG.NUMA_NODE;
  if (type?.value === 'fd' && valueSize === 0) valueSize = 4;
  if (type?.value === 'fd' && type.key === 'u32' && keySize === 0) keySize = 4;
  if (spec.type === 'perf_event_array' && maxEntries === 0) maxEntries = possibleCpus(kernel).length;
  return { ...spec, maxEntries, flags, keySize, valueSize };
}

/** The kernel takes 15 letters, digits, underscores and dots. */
export function kernelName(name: string): string {
  return name.replace(/[^A-Za-z0-9_.]/g, '_').slice(0, 15);
}

export interface MapContext {
  readonly kernel: Kernel;
  /** Descriptor of the object's types; 0 without. */
  readonly btfFd: number;
}

/** Makes one map. `spec` is fixed up. Throws an error for the user. */
export function createMap(spec: MapSpec, { kernel, btfFd }: MapContext): number {
  const type = mapType(spec.type);
  if (type === undefined) throw new LinkError(`map '${spec.name}': there is no map type '${spec.type}'`);
  const template = spec.inner === undefined ? undefined : createMap(fixUpMap(spec.inner, kernel), { kernel, btfFd });
  try {
    return createWithTypes(spec, type, template, kernel, btfFd);
  } catch (error) {
    if (error instanceof KernelError) throw explainMap(spec, type, error, kernel);
    throw error;
  } finally {
    if (template !== undefined) kernel.close(template);
  }
}

function createWithTypes(spec: MapSpec, type: MapType, template: number | undefined, kernel: Kernel, btfFd: number): number {
  const plain = {
    map_type: type.number,
    key_size: spec.keySize,
    value_size: spec.valueSize,
    max_entries: spec.maxEntries,
    map_flags: spec.flags,
    inner_map_fd: template ?? 0,
    numa_node: spec.numaNode ?? 0,
    map_name: kernelName(spec.name),
    map_extra: spec.extra ?? 0n,
  };
  const typed = btfFd > 0 && type.refusesBtf !== true && (spec.keyType !== 0 || spec.valueType !== 0);
  if (typed) {
    try {
      return withMemlock(kernel, () =>
        bpf(kernel, 'MAP_CREATE', { ...plain, btf_fd: btfFd, btf_key_type_id: spec.keyType, btf_value_type_id: spec.valueType }),
      );
    } catch (error) {
      // Some types of maps, on some kernels, take none or are strict about them: a map without types works as well.
      if (!(error instanceof KernelError) || isDenied(error) || error.code === 'ENOMEM' || error.code === 'EMFILE') throw error;
    }
  }
  return withMemlock(kernel, () => bpf(kernel, 'MAP_CREATE', plain));
}

/** Before Linux 5.11 maps count against RLIMIT_MEMLOCK, and too low a limit looks like a missing privilege. */
export function withMemlock<T>(kernel: Kernel, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof KernelError && error.code === 'EPERM' && raiseMemlock(kernel)) return action();
    throw error;
  }
}

function explainMap(spec: MapSpec, type: MapType, error: KernelError, kernel: Kernel): Error {
  const doing = `making map '${spec.name}'`;
  if (isDenied(error)) return explainDenied(kernel, error, doing, NETWORK_MAPS.has(spec.type) ? ['CAP_BPF', 'CAP_NET_ADMIN'] : ['CAP_BPF']);
  const size = `${spec.maxEntries} entries of ${spec.keySize} + ${spec.valueSize} bytes`;
  switch (error.code) {
    case 'E2BIG':
    case 'ENOMEM':
      return new LinkError(`map '${spec.name}' is too large: ${size}`, undefined, error);
    case 'EINVAL': {
      const problems = mapProblems(spec);
      if (problems.length > 0) return new LinkError(`map '${spec.name}': ${problems.join('; ')}`, undefined, error);
      if (type.minKernel !== undefined && !atLeast(readKernelVersion(kernel), type.minKernel)) {
        return new FeatureError(`map type ${type.name} (map '${spec.name}')`, { minKernel: type.minKernel, cause: error });
      }
      if (type.needsBtf === true && (spec.keyType === 0 || spec.valueType === 0))
        return new LinkError(`map '${spec.name}': a map of type ${type.name} needs types of its key and value`, undefined, error);
      return new LinkError(`the kernel refuses map '${spec.name}': type ${spec.type}, ${size}, flags ${spec.flags}`, undefined, error);
    }
    case 'ENOTSUPP':
    case 'EOPNOTSUPP':
      return new FeatureError(`support for map '${spec.name}' (${spec.type})`, { why: error.message, cause: error });
    default:
      return new LinkError(`map '${spec.name}': ${error.message}`, undefined, error);
  }
}

/** Writes the bytes of a data section and freezes it where it is constant. */
export function fillDataMap(map: LoadedMap, data: Uint8Array, kernel: Kernel): void {
  const value = new Uint8Array(map.spec.valueSize);
  value.set(data.subarray(0, value.length));
  bpf(kernel, 'MAP_UPDATE_ELEM', { map_fd: map.fd, key: new Uint8Array(4), value, flags: 0n });
  if (map.spec.frozen === true) bpf(kernel, 'MAP_FREEZE', { map_fd: map.fd });
}

/** Puts inner maps into the slots that the source gives them. */
export function fillSlots(map: LoadedMap, fdOf: (name: string) => number | undefined, kernel: Kernel): void {
  for (const { index, name } of map.spec.values ?? []) {
    const fd = fdOf(name);
    if (fd === undefined) throw noSuchSlot(map, index, name);
    fillSlot(map, index, fd, kernel);
  }
}

/** Puts a map or a program into a slot. */
export function fillSlot(map: LoadedMap, index: number, fd: number, kernel: Kernel): void {
  const key = new Uint8Array(map.spec.keySize);
  new DataView(key.buffer).setUint32(0, index, true);
  const value = new Uint8Array(new Uint32Array([fd]).buffer);
  bpf(kernel, 'MAP_UPDATE_ELEM', { map_fd: map.fd, key, value, flags: 0n });
}

export function noSuchSlot(map: LoadedMap, index: number, name: string): LinkError {
  return new LinkError(`map '${map.name}': slot ${index} is for '${name}', which this object does not have`);
}

/** The path of a pin: a folder stands for the map's name in it. */
export function pinPath(spec: MapSpec, kernel: Kernel): string | undefined {
  if (spec.pin === undefined) return undefined;
  if (spec.pin.endsWith('/')) return spec.pin + spec.name;
  try {
    kernel.readdir(spec.pin);
    return `${spec.pin}/${spec.name}`;
  } catch (error) {
    if (error instanceof KernelError) return spec.pin;
    throw error;
  }
}

/** The map pinned at a path, if it is the same kind of map; undefined if nothing is there. */
export function openPinned(spec: MapSpec, path: string, kernel: Kernel): number | undefined {
  let fd: number;
  try {
    fd = bpf(kernel, 'OBJ_GET', { pathname: cString(path) });
  } catch (error) {
    if (error instanceof KernelError && error.code === 'ENOENT') return undefined;
    if (error instanceof KernelError && isDenied(error))
      throw explainDenied(kernel, error, `opening map '${spec.name}' pinned at ${path}`, ['CAP_BPF']);
    throw error;
  }
  try {
    checkSame(spec, fd, `the map pinned at ${path}`, kernel);
  } catch (error) {
    kernel.close(fd);
    throw error;
  }
  return fd;
}

const PIN_HINTS: Readonly<Record<string, string>> = {
  EEXIST: 'something has that name already: take another one, or remove it first',
  ENOENT: 'the folder that it is to lie in is not there',
};

export function pinMap(map: LoadedMap, path: string, kernel: Kernel): void {
  try {
    bpf(kernel, 'OBJ_PIN', { pathname: cString(path), bpf_fd: map.fd });
  } catch (error) {
    if (error instanceof KernelError)
      throw new LinkError(
        `pinning map '${map.name}' at ${path}: ${error.message}`,
        PIN_HINTS[error.code] ?? 'the path must lie in a bpf file system (mount -t bpf)',
        error,
      );
    throw error;
  }
}

/** Takes a name out of the bpf file system. Throws `KernelError`. */
export function unpin(kernel: Kernel, path: string): void {
  kernel.syscall('unlinkat', AT_FDCWD, path, 0);
}

/** Throws if a map from outside is not what the object describes. */
export function checkSame(spec: MapSpec, fd: number, what: string, kernel: Kernel): void {
  const info = mapInfo(kernel, fd);
  const differences: string[] = [];
  const compare = (name: string, has: number, wanted: number): void => {
    if (has !== wanted) differences.push(`${name} ${has} instead of ${wanted}`);
  };
  compare('type', info.type, mapType(spec.type)?.number ?? 0);
  compare('key size', info.key_size, spec.keySize);
  compare('value size', info.value_size, spec.valueSize);
  compare('entries', info.max_entries, spec.maxEntries);
  // The kernel itself sets these on some maps.
  const own = MAP_FLAG.RDONLY_PROG | MAP_FLAG.NUMA_NODE;
  compare('flags', info.map_flags & ~own, spec.flags & ~own);
  if (differences.length > 0) throw new LinkError(`map '${spec.name}': ${what} is another kind of map (${differences.join(', ')})`);
}
