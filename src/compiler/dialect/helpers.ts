/**
 * The kernel's helper functions: number, name, C prototype, first kernel, GPL-only.
 *
 * One table for all of skep (`helper-data.ts`, made by a script): the compiler declares a helper from it when a
 * program uses its name, messages about refused programs look up what is missing where, and the disassembler names
 * calls by it. The table is taken apart when first asked.
 */
import { HELPER_ROWS, HELPER_VERSIONS } from './helper-data.ts';

export interface Helper {
  readonly number: number;
  /** 'bpf_map_lookup_elem'. */
  readonly name: string;
  readonly returns: string;
  /** Between the parentheses: 'void *map, const void *key'. */
  readonly params: string;
  /** First kernel that has it: '3.19'. */
  readonly since: string;
  readonly gpl: boolean;
}

interface Table {
  readonly byNumber: readonly Helper[];
  readonly byName: ReadonlyMap<string, Helper>;
}
let table: Table | undefined;

function load(): Table {
  if (table !== undefined) return table;
  const byNumber: Helper[] = [];
  const byName = new Map<string, Helper>();
  let version = 0;
  for (const row of HELPER_ROWS.trim().split('\n')) {
    const number = byNumber.length + 1;
    while (number > (HELPER_VERSIONS[version]?.[1] ?? Number.POSITIVE_INFINITY)) version++;
    const gpl = row.startsWith('!');
    const [short = '', returns = '', params = ''] = (gpl ? row.slice(1) : row).split('|');
    const helper: Helper = { number, name: `bpf_${short}`, returns, params, since: HELPER_VERSIONS[version]?.[0] ?? '', gpl };
    byNumber.push(helper);
    byName.set(helper.name, helper);
  }
  table = { byNumber, byName };
  return table;
}

/** In the order of their numbers, from 1. */
export function allHelpers(): readonly Helper[] {
  return load().byNumber;
}

export function helperByName(name: string): Helper | undefined {
  return name.startsWith('bpf_') ? load().byName.get(name) : undefined;
}

export function helperByNumber(number: number): Helper | undefined {
  return load().byNumber[number - 1];
}

/** The text that declares a helper by the name a program uses; `__skep_helper_x` is helper x for dialects that implement `bpf_x` themselves. */
export function helperDeclaration(name: string): string | undefined {
  const helper = helperByName(name.startsWith('__skep_helper_') ? `bpf_${name.slice(14)}` : name);
  return helper === undefined ? undefined : helperText(helper, name);
}

/** C text that declares the helper, as libbpf's header does: a constant pointer with the number for a value. */
export function helperText(helper: Helper, name = helper.name): string {
  const { number, returns, params } = helper;
  return `static ${returns}${returns.endsWith('*') ? '' : ' '}(*${name})(${params}) = (void *)${number};`;
}
