/** Helpers about time, the task, the CPU, and about memory outside the program: reading, strings, numbers. */
import { ERRNO } from '../maps/store.ts';
import { now } from '../state.ts';
import type { HelperCall, HelperRow } from './call.ts';

const USER_HZ_TICK = 4_000_000n;

function comm(call: HelperCall): number {
  const size = call.uint(2);
  const at = call.writable(1, size);
  const name = new TextEncoder().encode(call.state.task.comm).subarray(0, Math.min(15, size - 1));
  call.memory.bytes.fill(0, at, at + size);
  call.memory.bytes.set(name, at);
  return 0;
}

/** Above all user addresses and the hole behind them. */
const KERNEL_START = 0xffff_8000_0000_0000n;

/** The kernel's read says ERANGE for what cannot be a kernel address, null among them. */
function unreadable(call: HelperCall, kernel: boolean): number {
  return kernel && call.long(3) < KERNEL_START ? -ERRNO.ERANGE : -ERRNO.EFAULT;
}

/** Never faults at the source: that is what the probe helpers are for. */
function probeRead(kernel: boolean): HelperRow['run'] {
  return (call) => readMemory(call, kernel);
}

function probeReadString(kernel: boolean): HelperRow['run'] {
  return (call) => readString(call, kernel);
}

function readMemory(call: HelperCall, kernel: boolean): number {
  const size = call.size(2);
  const to = call.writable(1, size);
  const from = call.memory.find(call.address(3), size, false);
  if (from === -1) {
    call.memory.bytes.fill(0, to, to + size);
    return unreadable(call, kernel);
  }
  call.memory.bytes.copyWithin(to, from, from + size);
  return 0;
}

/** Up to `size` bytes with their zero; returns how many. */
function readString(call: HelperCall, kernel: boolean): number {
  const size = call.size(2);
  if (size === 0) return 0;
  const { memory } = call;
  const to = call.writable(1, size);
  const source = call.address(3);
  const room = Math.min(size, memory.room(source, false));
  const from = room === 0 ? -1 : memory.find(source, room, false);
  for (let i = 0; i < room; i++) {
    const last = i === size - 1;
    const byte = last ? 0 : (memory.bytes[from + i] as number);
    memory.bytes[to + i] = byte;
    if (byte === 0) return i + 1;
  }
  memory.bytes.fill(0, to, to + size);
  return unreadable(call, kernel);
}

function probeWrite(call: HelperCall): number {
  const size = call.size(3);
  const from = call.readable(2, size);
  const to = call.memory.find(call.address(1), size, true);
  if (to === -1) return -ERRNO.EFAULT;
  call.memory.bytes.copyWithin(to, from, from + size);
  return 0;
}

/** The kernel's: only -1, 0 and 1. */
function strncmp(call: HelperCall): number {
  const size = call.size(2);
  const a = call.readable(1, size);
  const other = call.address(3);
  for (let i = 0; i < size; i++) {
    const left = call.memory.bytes[a + i] as number;
    const position = call.memory.find(other + i, 1, false);
    const right = position === -1 ? 0 : (call.memory.bytes[position] as number);
    if (left !== right) return left < right ? -1 : 1;
    if (left === 0) break;
  }
  return 0;
}

/** Returns how many characters the number took. */
function parseNumber(signed: boolean): HelperRow['run'] {
  return (call) => {
    const size = call.size(2);
    const from = call.readable(1, size);
    const flags = call.long(3);
    const to = call.writable(4, 8);
    const { view, bytes } = call.memory;
    view.setBigUint64(to, 0n, true);
    if (size === 0 || (flags !== 0n && flags !== 8n && flags !== 10n && flags !== 16n)) return -ERRNO.EINVAL;
    let at = 0;
    while (at < size && isSpace(bytes[from + at] as number)) at++;
    const negative = at < size && bytes[from + at] === 0x2d;
    if (negative) at++;
    const text = call.text(from + at, Math.min(size - at, 63)).toLowerCase();
    let base = Number(flags);
    let skip = 0;
    if (base === 0) base = /^0x[0-9a-f]/.test(text) ? 16 : text.startsWith('0') ? 8 : 10;
    if (base === 16 && text.startsWith('0x')) skip = 2;
    const digits = (base === 16 ? /^[0-9a-f]*/ : base === 8 ? /^[0-7]*/ : /^[0-9]*/).exec(text.slice(skip))?.[0] ?? '';
    if (digits === '') return -ERRNO.EINVAL;
    const value = BigInt(`${base === 16 ? '0x' : base === 8 ? '0o' : ''}${digits}`);
    if (value >= 1n << 64n) return -ERRNO.ERANGE;
    if (!signed && negative) return -ERRNO.EINVAL;
    if (signed && value > (negative ? 1n << 63n : (1n << 63n) - 1n)) return -ERRNO.ERANGE;
    view.setBigUint64(to, BigInt.asUintN(64, negative ? -value : value), true);
    return at + skip + digits.length;
  };
}

function isSpace(c: number): boolean {
  return c === 0x20 || (c >= 9 && c <= 13) || c === 0xa0;
}

function record(name: string, result: number, args: number): HelperRow['run'] {
  return (call) => {
    call.state.actions.push({ helper: name, args: Array.from({ length: args }, (_, i) => call.long(i + 1)) });
    return result;
  };
}

/** Arguments of a traced function lie in the context, eight bytes each. */
function functionArgument(call: HelperCall): number {
  const index = call.uint(2);
  const to = call.writable(3, 8);
  const from = call.memory.find(call.address(1) + index * 8, 8, false);
  if (from === -1) return -ERRNO.EINVAL;
  call.memory.bytes.copyWithin(to, from, from + 8);
  return 0;
}

export const SYSTEM_HELPERS: readonly HelperRow[] = [
  { id: 4, name: 'bpf_probe_read', run: probeRead(false) },
  { id: 5, name: 'bpf_ktime_get_ns', run: (call) => now(call.state) },
  { id: 7, name: 'bpf_get_prandom_u32', run: (call) => call.state.random() },
  { id: 8, name: 'bpf_get_smp_processor_id', run: (call) => call.state.cpu },
  { id: 14, name: 'bpf_get_current_pid_tgid', run: ({ state }) => (BigInt(state.task.tgid) << 32n) | BigInt(state.task.pid) },
  { id: 15, name: 'bpf_get_current_uid_gid', run: ({ state }) => (BigInt(state.task.gid) << 32n) | BigInt(state.task.uid) },
  { id: 16, name: 'bpf_get_current_comm', run: comm },
  { id: 23, name: 'bpf_redirect', run: record('bpf_redirect', 7, 2) },
  { id: 35, name: 'bpf_get_current_task', run: ({ state }) => state.task.task },
  { id: 36, name: 'bpf_probe_write_user', run: probeWrite },
  { id: 42, name: 'bpf_get_numa_node_id', run: () => 0 },
  { id: 45, name: 'bpf_probe_read_str', run: probeReadString(false) },
  { id: 58, name: 'bpf_override_return', run: record('bpf_override_return', 0, 2) },
  { id: 80, name: 'bpf_get_current_cgroup_id', run: ({ state }) => state.task.cgroup },
  { id: 105, name: 'bpf_strtol', run: parseNumber(true) },
  { id: 106, name: 'bpf_strtoul', run: parseNumber(false) },
  { id: 109, name: 'bpf_send_signal', run: record('bpf_send_signal', 0, 1) },
  { id: 112, name: 'bpf_probe_read_user', run: probeRead(false) },
  { id: 113, name: 'bpf_probe_read_kernel', run: probeRead(true) },
  { id: 114, name: 'bpf_probe_read_user_str', run: probeReadString(false) },
  { id: 115, name: 'bpf_probe_read_kernel_str', run: probeReadString(true) },
  { id: 117, name: 'bpf_send_signal_thread', run: record('bpf_send_signal_thread', 0, 1) },
  { id: 118, name: 'bpf_jiffies64', run: (call) => now(call.state) / USER_HZ_TICK },
  { id: 125, name: 'bpf_ktime_get_boot_ns', run: (call) => now(call.state) },
  { id: 148, name: 'bpf_copy_from_user', run: probeRead(false) },
  { id: 153, name: 'bpf_per_cpu_ptr', run: (call) => call.long(1) },
  { id: 154, name: 'bpf_this_cpu_ptr', run: (call) => call.long(1) },
  { id: 158, name: 'bpf_get_current_task_btf', run: ({ state }) => state.task.task },
  { id: 160, name: 'bpf_ktime_get_coarse_ns', run: (call) => now(call.state) },
  { id: 173, name: 'bpf_get_func_ip', run: ({ state }) => state.functionIp },
  { id: 174, name: 'bpf_get_attach_cookie', run: ({ state }) => state.cookie },
  { id: 182, name: 'bpf_strncmp', run: strncmp },
  { id: 183, name: 'bpf_get_func_arg', run: functionArgument },
  { id: 186, name: 'bpf_get_retval', run: ({ state }) => state.returnValue },
  {
    id: 187,
    name: 'bpf_set_retval',
    run: (call) => {
      call.state.returnValue = call.int(1);
      return 0;
    },
  },
  { id: 208, name: 'bpf_ktime_get_tai_ns', run: (call) => now(call.state) },
];
