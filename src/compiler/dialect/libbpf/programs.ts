/** Entry points: functions with a section. What the section says is in `object/sections.ts`. */
import { matchSection } from '../../../object/sections.ts';
import type { FunctionDecl, ProgramDecl } from '../../c/ast.ts';
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
    if (type === undefined) {
      context.diagnostics.error(
        'unknown-section',
        fn.loc,
        `section "${section}" of '${fn.name}' does not say what kind of program it is, and neither does its context`,
      );
      return undefined;
    }
    return { type, section, autoAttach: false, autoLoad: !section.startsWith('?') };
  }
  const { type, attachType, target, attach, autoLoad, sleepable, xdpFrags } = match;
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
