/** Finding a member by name, through anonymous members. */
import type { Field, RecordType } from '../../types.ts';

/** From the outermost record inwards: all but the last are anonymous members. */
export type MemberPath = readonly Field[];

const LINEAR = 12;
/** Records inside records: no program goes deeper, hostile BTF may go round in circles. */
export const MAX_NESTING = 100;
const tables = new WeakMap<readonly Field[], Map<string, MemberPath>>();

export function findMember(record: RecordType, name: string): MemberPath | undefined {
  return find(record, name, 0);
}

function find(record: RecordType, name: string, depth: number): MemberPath | undefined {
  const fields = record.fields;
  if (fields === undefined || name === '' || depth > MAX_NESTING) return undefined;
  if (fields.length <= LINEAR) return search(fields, name, depth);
  let table = tables.get(fields);
  if (!table) {
    table = new Map();
    index(fields, [], table);
    tables.set(fields, table);
  }
  return table.get(name);
}

function search(fields: readonly Field[], name: string, depth: number): MemberPath | undefined {
  for (const f of fields) {
    if (f.name === name) return [f];
    if (isAnonymous(f)) {
      const inner = find(f.type.type, name, depth + 1);
      if (inner) return [f, ...inner];
    }
  }
  return undefined;
}

function index(fields: readonly Field[], path: readonly Field[], table: Map<string, MemberPath>): void {
  for (const f of fields) {
    if (f.name !== '') {
      if (!table.has(f.name)) table.set(f.name, [...path, f]);
    } else if (isAnonymous(f) && f.type.type.fields && path.length < MAX_NESTING) index(f.type.type.fields, [...path, f], table);
  }
}

/** A struct or union member without a name, whose members count as the outer record's. */
export function isAnonymous(f: Field): f is Field & { readonly type: { readonly type: RecordType } } {
  return f.name === '' && f.type.type.kind === 'record';
}

/** All names that `.name` may use. */
export function memberNames(record: RecordType): string[] {
  const names: string[] = [];
  const visit = (r: RecordType, depth: number): void => {
    for (const f of r.fields ?? []) {
      if (f.name !== '') names.push(f.name);
      else if (isAnonymous(f) && depth < MAX_NESTING) visit(f.type.type, depth + 1);
    }
  };
  visit(record, 0);
  return names;
}
