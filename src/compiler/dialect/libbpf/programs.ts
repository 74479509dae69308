/** Entry points: functions with a section. What the section says is in `object/sections.ts`. */
import { SECTION_DEFS } from '../../../object/section-defs.ts';
import { matchSection } from '../../../object/sections.ts';
import type { FunctionDecl, ProgramDecl } from '../../c/ast.ts';
import { suggest } from '../../did-you-mean.ts';
import type { ArgumentSource } from '../arguments.ts';
import { bindArguments } from '../arguments.ts';
import { contextRecord, typeOfContext } from '../contexts.ts';
import type { DialectContext } from '../dialect.ts';
import { sectionOf } from './maps.ts';

export function libbpfProgram(fn: FunctionDecl, context: DialectContext): ProgramDecl | undefined {
  const source = fn.attributes.find((a) => a.name === 'skep_args')?.args[0];
  if (source?.kind === 'string') bindArguments(fn, source.value as ArgumentSource, context);
  const section = sectionOf(fn.attributes);
  if (section === undefined || fn.storage === 'static' || section === '.text') return undefined;
  const match = matchSection(section);
  if (match === undefined) {
    // Whoever loads it may know better; tc, for one, is told on its command line.
    const record = contextRecord(fn);
    const type = record === '__sk_buff' ? 'sched_cls' : typeOfContext(record)?.type;
    const near = nearSection(section);
    const hint = near === undefined ? '' : `; did you mean "${near}"?`;
    // A probe is nothing without its place; other programs often have names of their own.
    if (type === 'kprobe' && near !== undefined)
      context.diagnostics.warn('unknown-section', fn.loc, `section "${section}" of '${fn.name}' does not say where it belongs${hint}`);
    if (type === undefined) {
      context.diagnostics.error(
        'unknown-section',
        fn.loc,
        `section "${section}" of '${fn.name}' does not say what kind of program it is, and neither does its context${hint}`,
      );
      return undefined;
    }
    if (source === undefined) contextAlone(fn, type, context);
    return { type, section, autoAttach: false, autoLoad: !section.startsWith('?') };
  }
  const { type, attachType, target, attach, autoLoad, sleepable, xdpFrags } = match;
  if (source === undefined) contextAlone(fn, type, context);
  return {
    type,
    section,
    autoAttach: attach !== undefined,
    autoLoad,
    ...(attachType === undefined ? {} : { attachType }),
    ...(target === undefined ? {} : { target }),
    ...(sleepable ? { sleepable } : {}),
    ...(xdpFrags ? { xdpFrags } : {}),
  };
}

/** Called like the function that they stand for. */
const CALLED_OTHERWISE = new Set(['struct_ops', 'ext']);
/** Whose parameters a macro can fetch. */
const FETCHED: Readonly<Record<string, string>> = { kprobe: 'BPF_KPROBE', tracing: 'BPF_PROG', lsm: 'BPF_PROG' };

/** The kernel calls a program with its context; a second parameter has no value. */
function contextAlone(fn: FunctionDecl, type: string, { diagnostics }: DialectContext): void {
  const second = fn.params[1];
  if (second === undefined || fn.body === undefined || CALLED_OTHERWISE.has(type)) return;
  const macro = Object.hasOwn(FETCHED, type) ? FETCHED[type] : undefined;
  diagnostics.warn(
    'program-parameter',
    second.loc,
    `a program of type ${type} gets one argument, its context: nothing sets ${second.name === '' ? 'this parameter' : `'${second.name}'`}${macro === undefined ? '' : `; ${macro}(${fn.name}, …) would fetch it`}`,
  );
}

/** The section that may have been meant: the nearest kind of program, what follows as it is. */
function nearSection(section: string): string | undefined {
  const start = section.startsWith('?') ? 1 : 0;
  const parts = section.slice(start).split('/');
  for (let count = Math.min(2, parts.length); count > 0; count--) {
    const kinds = SECTION_DEFS.map(({ pattern }) => pattern.replace(/[+/]$/, '')).filter((kind) => kind.split('/').length === count);
    const near = suggest(parts.slice(0, count).join('/'), kinds);
    if (near !== undefined) return section.slice(0, start) + [near, ...parts.slice(count)].join('/');
  }
  return undefined;
}
