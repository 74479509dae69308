/**
 * The machine: an ObjectSpec's maps and programs in user space, without a kernel and without rights.
 *
 *   ObjectSpec ─▶ join ─▶ prepare ─▶ engine (WebAssembly, or the interpreter)
 *                                      │ helper calls        ▲ r0
 *                                      ▼                     │
 *                        helper table ─▶ maps, packet, task, clock, output
 *
 * Given a program and an input, promises the result that the kernel would give for a program its verifier accepts, or
 * a `VmFault` that says which access, region and instruction went wrong. Unlike the kernel it does not refuse programs
 * beforehand: what the verifier proves, this checks as it happens. No input makes it read or write outside its own
 * memory, run longer than its budget, or behave differently the next time.
 *
 * Not here: kernel memory (give regions with `region`), sockets, real time, other CPUs running at once.
 */
import { disassembleInsn } from '../isa/disassemble.ts';
import { slotOfIndex } from '../isa/encode.ts';
import type { Insn } from '../isa/insn.ts';
import type { JoinedProgram } from '../link/join.ts';
import { joinProgram } from '../link/join.ts';
import type { MapSpec, ObjectSpec } from '../object/spec.ts';
import type { Code } from './code.ts';
import type { FaultKind } from './fault.ts';
import { Refusal, VmFault, VmLoadError } from './fault.ts';
import type { HelperRow } from './helpers/call.ts';
import { HelperCall } from './helpers/call.ts';
import { keyOfValue } from './helpers/control.ts';
import { HELPERS } from './helpers/table.ts';
import { createInterpreter } from './interpret.ts';
import type { LoadEnvironment, LoadedCode } from './load.ts';
import { loadCode } from './load.ts';
import { MapError, VmMap } from './maps/map.ts';
import { BUDGET, FRAME_SIZE, MAILBOX, MAX_FRAMES, REGION_LIMIT, REGION_STEP, RESULT, STACK, VmMemory } from './memory.ts';
import type { MachineOptions, RunInput, RunResult } from './options.ts';
import { PACKET_CONTEXTS, Packet } from './packet.ts';
import type { Executable, Runtime } from './runtime.ts';
import type { MachineState } from './state.ts';
import { seededRandom } from './state.ts';
import { createWasmExecutable } from './wasm/engine.ts';

export type { MachineOptions, RunInput, RunResult } from './options.ts';

const EMPTY: ObjectSpec = {
  name: 'instructions',
  license: 'GPL',
  programs: [],
  functions: new Map(),
  maps: new Map(),
  variables: new Map(),
  btf: undefined,
  sources: new Map(),
};
const DEFAULT_BUDGET = 100_000_000;
const MAX_TAIL_CALLS = 33;

export function createMachine(spec: ObjectSpec, options: MachineOptions = {}): Machine {
  return new Machine(spec, options);
}

/** Runs plain instructions: `ld_imm64` of maps carry the map's place in `maps`, counted from 0. */
export function runInsns(
  insns: readonly Insn[],
  input: RunInput = {},
  options: MachineOptions & { readonly maps?: readonly MapSpec[] } = {},
): RunResult {
  const machine = new Machine({ ...EMPTY, maps: new Map((options.maps ?? []).map((map) => [map.name, map])) }, options);
  machine.load('instructions', insns);
  return machine.run('instructions', input);
}

interface Loaded extends LoadedCode {
  readonly executable: Executable;
  readonly type: string;
}

export class Machine {
  readonly memory: VmMemory;
  readonly state: MachineState;
  private readonly spec: ObjectSpec;
  private readonly options: MachineOptions;
  private readonly maps = new Map<string, VmMap>();
  private readonly mapList: VmMap[] = [];
  private readonly programs = new Map<string, Loaded>();
  /** By number of code. */
  private readonly loaded: Loaded[] = [];
  private readonly helpers: ReadonlyMap<number, HelperRow>;
  private readonly call: HelperCall;

  constructor(spec: ObjectSpec, options: MachineOptions) {
    this.spec = spec;
    this.options = options;
    this.memory = new VmMemory(options.memoryLimit ?? 256 << 20, objectsOf(spec, options.cpus ?? 1));
    this.helpers = new Map([...HELPERS, ...(options.helpers ?? [])].map((row) => [row.id, row]));
    this.state = {
      task: { pid: 1000, tgid: 1000, uid: 0, gid: 0, comm: 'skep', cgroup: 1n, task: 0n, ...options.task },
      cpu: options.cpu ?? 0,
      time: options.time ?? 1_000_000_000n,
      tick: options.tick ?? 1n,
      clock: options.clock,
      random: seededRandom(options.seed ?? 1),
      printk: [],
      sequence: [],
      packet: undefined,
      context: 0,
      kernelStack: [],
      userStack: [],
      cookie: 0n,
      functionIp: 0n,
      actions: [],
      tailCalls: 0,
      returnValue: 0,
      maps: this.mapList,
      timers: new Map(),
    };
    this.call = new HelperCall(this.memory, this.state, (address, args, depth) => this.invoke(address, args, depth));
    for (const map of spec.maps.values()) this.createMap(map);
    for (const map of spec.maps.values()) this.fill(map);
  }

  /** Adds a map, for instance one to put into a map of maps. */
  createMap(spec: MapSpec): VmMap {
    const { state, memory } = this;
    const map = forHost(() => new VmMap(spec, this.mapList.length + 1, { memory, cpus: this.options.cpus ?? 1, cpu: () => state.cpu }));
    this.mapList.push(map);
    this.maps.set(spec.name, map);
    return map;
  }

  private fill(spec: MapSpec): void {
    for (const { index, name } of spec.values ?? []) {
      const number = this.maps.get(name)?.number ?? (this.hasProgram(name) ? this.programNumber(name) : undefined);
      if (number === undefined) throw new VmLoadError(`map '${spec.name}' names '${name}', which is no map or program`);
      this.map(spec.name).set(word(index), word(number));
    }
  }

  map(name: string): VmMap {
    const map = this.maps.get(name);
    if (map === undefined) throw new VmLoadError(`there is no map '${name}'`);
    return map;
  }

  /** What a `prog_array` holds to mean this program. */
  programNumber(name: string): number {
    return this.program(name).code.id + 1;
  }

  /** The bytes of a global variable: a live view until the next call of the machine. */
  variable(name: string): Uint8Array {
    const variable = this.spec.variables.get(name);
    if (variable === undefined) throw new VmLoadError(`there is no variable '${name}'`);
    const map = this.map(variable.map);
    const key = this.memory.allocate(8);
    const at = map.store.valueOn(key, 0) + variable.offset;
    this.memory.release(key, 8);
    return this.memory.bytes.subarray(at, at + variable.size);
  }

  /** Memory for programs to read or write through pointers that the host gives them: kernel objects, user memory. */
  region(bytes: Uint8Array, options: { readonly label?: string; readonly writable?: boolean } = {}): bigint {
    const at = forHost(() => this.memory.allocate(bytes.length));
    this.memory.bytes.set(bytes, at);
    return BigInt(
      this.memory.open({ kind: 'user', label: options.label ?? 'memory given by the host' }, at, bytes.length, options.writable ?? true),
    );
  }

  /** Adds a program of plain instructions. */
  load(name: string, insns: readonly Insn[], type: string = 'unspecified'): void {
    this.add(name, { insns, refs: [], functions: [], lines: [], slots: slotOfIndex(insns) }, type);
  }

  private hasProgram(name: string): boolean {
    return this.programs.has(name) || this.spec.functions.has(name) || this.spec.programs.some((program) => program.name === name);
  }

  private program(name: string): Loaded {
    const known = this.programs.get(name);
    if (known !== undefined) return known;
    const spec = this.spec.programs.find((program) => program.name === name);
    const entry = spec?.entry ?? name;
    if (!this.spec.functions.has(entry)) throw new VmLoadError(`there is no program '${name}'`);
    return this.add(name, joinProgram(this.spec.functions, entry), spec?.type ?? 'unspecified');
  }

  private add(name: string, joined: JoinedProgram, type: string): Loaded {
    const { memory } = this;
    const env: LoadEnvironment = {
      memory,
      helper: (id) => this.helpers.get(id),
      map: (map) => this.maps.get(map),
      mapByNumber: (number) => this.mapList[number],
      kfunc: (kfunc) => this.options.kfuncs?.[kfunc],
      ksym: (symbol) => this.options.ksyms?.[symbol],
      variable: (variable) => this.spec.variables.get(variable),
    };
    const parts = loadCode(name, this.loaded.length, joined, env);
    const runtime: Runtime = {
      memory,
      call: (code, index, depth) => this.callOut(parts, code, index, depth),
      packetLoad: (code, index, offset) => this.packetLoad(code, index, offset),
      fault: (kind, code, index, address, size) => this.fault(kind, code, index, address, size),
    };
    const interpreted = this.options.engine === 'interpreter' || this.options.trace !== undefined;
    const executable = interpreted ? createInterpreter(parts.code, runtime, this.options.trace) : createWasmExecutable(parts.code, runtime);
    const loaded = { ...parts, executable, type };
    this.loaded.push(loaded);
    this.programs.set(name, loaded);
    return loaded;
  }

  run(name: string, input: RunInput = {}): RunResult {
    const loaded = this.program(name);
    const { memory, state } = this;
    for (const map of this.mapList) {
      map.store.sweep?.();
      if (memory.crowded) map.store.forget?.();
    }
    state.printk = [];
    state.sequence = [];
    state.actions.length = 0;
    state.tailCalls = 0;
    const budget = this.options.budget ?? DEFAULT_BUDGET;
    memory.view.setBigInt64(BUDGET, BigInt(budget), true);
    memory.bytes.fill(this.options.stackFill ?? 0, STACK, STACK + MAX_FRAMES * FRAME_SIZE);

    const layout = input.packet === undefined ? undefined : PACKET_CONTEXTS.get(loaded.type);
    const contextSize = Math.max(input.ctx?.length ?? 0, layout?.size ?? 0);
    const contextAt = forHost(() => memory.allocate(Math.max(8, contextSize)));
    if (input.ctx !== undefined) memory.bytes.set(input.ctx, contextAt);
    state.context = memory.open(
      { kind: 'context', label: 'the context' },
      contextAt,
      contextSize,
      layout !== undefined || (input.writableContext ?? true),
    );
    const { packet } = input;
    try {
      state.packet =
        packet === undefined
          ? undefined
          : forHost(() => new Packet(memory, packet, Math.min(input.pulled ?? 0, packet.length), layout, contextAt));
      for (let i = 0; i < 5; i++) memory.view.setBigUint64(MAILBOX + i * 8, BigInt.asUintN(64, input.args?.[i] ?? 0n), true);
      if (input.args === undefined) memory.view.setBigUint64(MAILBOX, BigInt(state.context), true);
      loaded.executable.call(0, 0);
      return {
        r0: memory.view.getBigUint64(RESULT, true),
        insnCount: budget - Number(memory.view.getBigInt64(BUDGET, true)),
        printk: state.printk,
        sequence: Uint8Array.from(state.sequence),
        actions: [...state.actions],
        ...(state.packet === undefined ? {} : { packet: state.packet.contents() }),
        ...(contextSize === 0 ? {} : { ctx: memory.bytes.slice(contextAt, contextAt + contextSize) }),
      };
    } finally {
      state.packet?.release();
      state.packet = undefined;
      memory.close(state.context);
      memory.release(contextAt, Math.max(8, contextSize));
      for (const map of this.mapList) if (map.family === 'ring') (map.store as unknown as { abandon(): number }).abandon();
    }
  }

  /** Moves the clock and lets timers fire that are due, earliest first. Returns how many fired. */
  advance(nanoseconds: bigint): number {
    const { state, memory } = this;
    state.time += nanoseconds;
    let fired = 0;
    for (;;) {
      const due = [...state.timers].filter(([, timer]) => timer.due !== undefined && timer.due <= state.time);
      const next = due.sort(([, a], [, b]) => ((a.due as bigint) < (b.due as bigint) ? -1 : 1))[0];
      if (next === undefined || fired === 10000) return fired;
      const [position, timer] = next;
      timer.due = undefined;
      fired++;
      const key = keyOfValue(timer.map, position);
      memory.view.setBigInt64(BUDGET, BigInt(this.options.budget ?? DEFAULT_BUDGET), true);
      const keyAddress = memory.open({ kind: 'value', label: 'the key of a timer' }, key, timer.map.shape.keySize, false);
      try {
        this.invoke(timer.callback, [timer.map.address, keyAddress, timer.map.store.lookup(key)], 0);
      } finally {
        memory.close(keyAddress);
      }
    }
  }

  /** Calls a function by its address. */
  private invoke(address: number, args: readonly (number | bigint)[], depth: number): bigint {
    const code = Math.floor(address / REGION_STEP) - REGION_LIMIT;
    const loaded = this.loaded[code];
    const fn = address % REGION_STEP;
    if (loaded === undefined || loaded.code.functions[fn] === undefined)
      throw new Refusal('call', `0x${address.toString(16)} is no function`);
    const { view } = this.memory;
    for (let i = 0; i < 5; i++) view.setBigUint64(MAILBOX + i * 8, BigInt(args[i] ?? 0), true);
    loaded.executable.call(fn, depth);
    return this.memory.view.getBigUint64(RESULT, true);
  }

  private callOut(loaded: LoadedCode, code: Code, index: number, depth: number): boolean {
    const target = loaded.calls[index];
    if (target === undefined || target.kind === 'missing')
      this.stop('call', code, index, `${target?.name ?? 'this function'} is not one that the machine has`);
    try {
      if (target.kind === 'tailCall') return this.tailCall(depth);
      const previous = this.call.depth;
      this.call.depth = depth;
      const result = target.run(this.call);
      this.call.depth = previous;
      this.setResult(result);
      return false;
    } catch (error) {
      if (error instanceof Refusal)
        this.stop(error.kind, code, index, `${target.kind === 'helper' ? target.name : 'bpf_tail_call'}: ${error.message}`, error.address);
      if (error instanceof MapError) this.stop('argument', code, index, error.message);
      throw error;
    }
  }

  private setResult(result: number | bigint): void {
    const { view } = this.memory;
    if (typeof result === 'bigint') view.setBigUint64(RESULT, BigInt.asUintN(64, result), true);
    else {
      view.setInt32(RESULT, result, true);
      view.setInt32(RESULT + 4, Math.floor(result / REGION_STEP), true);
    }
  }

  /** True where another program took over; its result is the caller's. */
  private tailCall(depth: number): boolean {
    const { call, state, memory } = this;
    const context = call.long(1);
    const map = call.map(2, ['slots']);
    const key = memory.allocate(8);
    memory.view.setUint32(key, call.uint(3), true);
    const at = map.store.valueOn(key, 0);
    memory.release(key, 8);
    const target = at === -1 || map.shape.type !== 'prog_array' ? undefined : this.loaded[memory.view.getUint32(at, true) - 1];
    if (target === undefined || state.tailCalls >= MAX_TAIL_CALLS) {
      this.setResult(-2);
      return false;
    }
    state.tailCalls++;
    memory.view.setBigUint64(MAILBOX, context, true);
    target.executable.call(0, depth);
    return true;
  }

  /** Offsets from the network or link header are the legacy ways to say "after" and "from" the Ethernet header. */
  private packetLoad(code: Code, index: number, offset: number): boolean {
    const { view } = this.memory;
    const size = PACKET_LOAD_BYTES[((code.insns[index] as Insn).op & 0x18) >> 3] as number;
    const { packet } = this.state;
    const at =
      packet === undefined || offset < LINK_HEADER
        ? -1
        : offset >= 0
          ? packet.at(offset, size)
          : offset < NETWORK_HEADER
            ? packet.fromHeader('link', offset - LINK_HEADER, size)
            : packet.fromHeader('network', offset - NETWORK_HEADER, size);
    if (at === -1) return true;
    view.setBigUint64(
      RESULT,
      BigInt(size === 4 ? view.getUint32(at, false) : size === 2 ? view.getUint16(at, false) : view.getUint8(at)),
      true,
    );
    return false;
  }

  private fault(kind: FaultKind, code: Code, index: number, address: bigint, size: number): never {
    switch (kind) {
      case 'budget':
        return this.stop(kind, code, index, `more than ${this.options.budget ?? DEFAULT_BUDGET} instructions`);
      case 'depth':
        return this.stop(kind, code, index, `more than ${MAX_FRAMES} frames of calls`);
      default: {
        const wild = address > BigInt(Number.MAX_SAFE_INTEGER);
        const reason = wild
          ? `${kind} of ${size} byte${size === 1 ? '' : 's'} at 0x${address.toString(16)}, which is no address of this program`
          : this.memory.describe(Number(address), size, kind === 'write');
        return this.stop(kind, code, index, reason, address);
      }
    }
  }

  private stop(kind: FaultKind, code: Code, index: number, reason: string, address?: number | bigint): never {
    const insn = code.insns[index] as Insn;
    const source = code.sourceOf?.(index);
    throw new VmFault(
      kind,
      reason,
      {
        program: code.name,
        pc: code.slotOf[index] as number,
        instruction: disassembleInsn(insn, { helperName: (id) => this.helpers.get(id)?.name }),
        ...(source === undefined ? {} : { source }),
      },
      address,
    );
  }
}

/** What helpers are refused, the host gets as an error of its own. */
function forHost<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw error instanceof Refusal ? new VmLoadError(error.message) : error;
  }
}

/** How many values programs can point to at most, twice: removed ones stay until a run is over. */
function objectsOf(spec: ObjectSpec, cpus: number): number {
  let count = 1024;
  for (const map of spec.maps.values()) {
    if (map.type === 'ringbuf') count += Math.min(map.maxEntries >> 4, 1 << 18);
    else count += Math.min(map.maxEntries, 1 << 20) * 2 * (map.type.includes('percpu') ? cpus : 1);
  }
  return count;
}

/** By size field: word, half word, byte. */
const PACKET_LOAD_BYTES = [4, 2, 1];
/** SKF_LL_OFF and SKF_NET_OFF. */
const LINK_HEADER = -0x200000;
const NETWORK_HEADER = -0x100000;

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
