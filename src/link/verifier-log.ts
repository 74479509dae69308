/**
 * Reads the verifier's log, in both of its forms.
 *
 * Until Linux 7.2 the log is a trace that ends with the reason:
 *
 *   0: R1=ctx() R10=fp0
 *   ; return *p; @ a.c:7                       source, where the program came with line info
 *   3: (79) r0 = *(u64 *)(r0 +0)               instruction at slot 3, perhaps with the registers it changed
 *   R0 invalid mem access 'map_value_or_null'  the reason: the last line, sometimes two
 *   processed 4 insns (limit 1000000) …
 *
 * Since 7.3 the same is followed by a report: "Verification failed: <class>: <title>", then sections "Reason:", "At:",
 * "Causal path:" and "Suggestion:", each indented by two. Both are read: the report's words are better, the trace has
 * the path and the registers. Text of another form gives what can be had; nothing here fails.
 */
import { type LostPointer, PointerHistory } from './lost-pointers.ts';

export interface VerifierLog {
  /** The kernel's reason, in its own words. Empty if the log has none. */
  readonly message: string;
  /** From the report of 7.3 and later. */
  readonly report: { readonly title: string; readonly reason: string; readonly suggestion: string } | undefined;
  /** Slot of the instruction that was refused. */
  readonly slot: number | undefined;
  /** That instruction as the kernel prints it. */
  readonly instruction: string | undefined;
  /** Slots on the path that led there, in order. */
  readonly path: readonly number[];
  /** States of registers at that instruction, as the kernel prints them, by name ('R0', 'w3' reads as 'R3'). */
  readonly registers: ReadonlyMap<string, string>;
  /** Registers that the message or the instruction names. */
  readonly involved: readonly string[];
  /** What the register that the message names was before a call made a number of it. */
  readonly lost: LostPointer | undefined;
  /** How many instructions were looked at; undefined if the log does not say. */
  readonly processed: number | undefined;
}

const NOISE =
  /^(?:processed \d+ insns|verification time|stack depth|max_states_per_insn|peak_states|mark_precise:|last_idx |regs=|parent |func#\d+ @|Func#\d+|Validating |\d+: safe$|Live regs before|insn_idx|\s*$)/;
/** States that are compared, and what is said of calls between functions. */
const FRAMES = /^(?:cur state:|old state:|caller:|callee:|returning from|to caller at)/;
const GLOBAL_CALL = /^Func#\d+ \('(\w+)'\) is global/;
const INSTRUCTION = /^(\d+): \(([0-9a-f]{2})\) (.*)$/;
const STATE = /^(?:from (\d+) to )?(\d+)(?: \(speculative execution\))?: *(?:frame\d+: )?((?:R\d+|fp-\d+).*)$/;

export function parseVerifierLog(text: string): VerifierLog {
  const lines = text.split('\n');
  const reportAt = lines.findIndex((line) => line.startsWith('Verification failed:'));
  const trace = reportAt < 0 ? lines : lines.slice(0, reportAt);
  const report = reportAt < 0 ? undefined : parseReport(lines.slice(reportAt));

  const path: number[] = [];
  const history = new PointerHistory();
  const instructions = new Map<number, string>();
  let registers = new Map<string, string>();
  let slot: number | undefined;
  let afterInstruction: string[] = [];
  for (const line of unglued(trace)) {
    const insn = INSTRUCTION.exec(line);
    if (insn !== null) {
      slot = Number(insn[1]);
      path.push(slot);
      const [code = '', changes] = splitOnce(insn[3] ?? '', ' ; ');
      instructions.set(slot, code.trim());
      const changed = readRegisters(changes ?? '');
      history.instruction(slot, code.trim(), changed);
      // What an instruction changes is known after it; the last one did not run.
      for (const [name, state] of changed) registers.set(name, state);
      afterInstruction = [];
      continue;
    }
    const state = STATE.exec(line);
    if (state !== null) {
      registers = readRegisters(state[3] ?? '');
      const jump = numberIn(state[1]) ?? (Number(state[2]) === (slot ?? 0) + 1 ? undefined : slot);
      history.state(registers, jump);
      slot = Number(state[2]);
      continue;
    }
    const called = GLOBAL_CALL.exec(line)?.[1];
    if (called !== undefined && slot !== undefined) history.call(slot, called);
    if (line.startsWith('callee:')) history.enter();
    else if (line.startsWith('to caller at')) history.leave();
    if (line.startsWith(';') || line.startsWith('from ') || NOISE.test(line) || FRAMES.test(line)) continue;
    afterInstruction.push(line.trim());
  }
  const message = afterInstruction.slice(-3).join('; ');
  const at = report?.slot ?? slotNamed(message) ?? slot;
  const instruction = at === undefined ? undefined : (instructions.get(at) ?? (slot === undefined ? undefined : instructions.get(slot)));
  const involved = involvedRegisters(message, instruction);
  return {
    message,
    report: report === undefined ? undefined : { title: report.title, reason: report.reason, suggestion: report.suggestion },
    slot: at,
    instruction,
    path,
    registers,
    involved,
    lost: involved[0] === undefined ? undefined : history.lost(involved[0]),
    processed: numberIn(/^processed (\d+) insns/m.exec(text.slice(-400))?.[1]),
  };
}

/** Messages about the shape of the program name their instruction; the trace has nothing then. */
function slotNamed(message: string): number | undefined {
  return numberIn(
    /(?:infinite loop detected at|unreachable|back-edge from|jump out of range from|middle of ldimm64) (?:insn )?(\d+)/.exec(message)?.[1],
  );
}

function numberIn(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** 'R0_w=scalar(umax=5) R1=ctx() fp-8=mmmm????' as registers. States have spaces only inside brackets. */
function readRegisters(text: string): Map<string, string> {
  const into = new Map<string, string>();
  let at = 0;
  while (at < text.length) {
    while (text[at] === ' ') at++;
    let end = at;
    let depth = 0;
    while (end < text.length && (depth > 0 || text[end] !== ' ')) {
      if (text[end] === '(') depth++;
      else if (text[end] === ')') depth--;
      end++;
    }
    const match = /^(R\d+|fp-\d+)(?:_\w+)?=(.*)$/.exec(text.slice(at, end));
    if (match !== null) into.set(match[1] ?? '', match[2] ?? '');
    at = end + 1;
  }
  return into;
}

/** Behind a jump, and at the end of some reasons, the kernel forgets to end the line. */
const AFTER_JUMP = /^(\d+: \([0-9a-f]{2}\) .*?\bgoto_? ?pc[+-]\d+) (?! *; (?:frame\d+: *)?(?:R\d|fp-|refs=|cb))(.*\S.*)$/;
const BEFORE_COUNTS = /^(.*?\S)((?:verification time \d+ usec|processed \d+ insns \(limit).*)$/;

function* unglued(lines: Iterable<string>): Generator<string> {
  for (const line of lines) {
    const parts = AFTER_JUMP.exec(line) ?? (/ime \d|ed \d/.test(line) ? BEFORE_COUNTS.exec(line) : null);
    if (parts === null) yield line;
    else yield* [parts[1] ?? '', parts[2] ?? ''];
  }
}

function involvedRegisters(message: string, instruction: string | undefined): string[] {
  const names: string[] = [];
  const add = (n: string | undefined): void => {
    const name = `R${n}`;
    if (n !== undefined && Number(n) <= 10 && !names.includes(name)) names.push(name);
  };
  for (const match of message.matchAll(/\bR(\d+)\b/g)) add(match[1]);
  if (names.length === 0 && instruction !== undefined) for (const match of instruction.matchAll(/\b[rw](\d+)\b/g)) add(match[1]);
  return names;
}

function parseReport(lines: readonly string[]): { title: string; reason: string; suggestion: string; slot: number | undefined } {
  const title = (lines[0] ?? '').slice('Verification failed:'.length).trim();
  const sections = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of lines.slice(1)) {
    const header = /^([A-Z][A-Za-z ]+):\s*$/.exec(line)?.[1];
    if (header !== undefined) sections.set(header, (current = []));
    else if (/^processed \d+ insns/.test(line)) break;
    else if (line.trim() !== '') current.push(line.trim());
  }
  const section = (name: string): string => (sections.get(name) ?? []).join(' ');
  return { title, reason: section('Reason'), suggestion: section('Suggestion'), slot: numberIn(/\binsn (\d+)/.exec(section('At'))?.[1]) };
}
