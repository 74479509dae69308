/** Finding a member by name, through anonymous members. */
import type { Field, RecordType } from '../../types.ts';

/** From the outermost record inwards: all but the last are anonymous members. */
export type MemberPath = readonly Field[];

const LINEAR = 12;
const tables = new WeakMap<readonly Field[], Map<string, MemberPath>>();

export function findMember(record: RecordType, name: string): MemberPath | undefined {
  const fields = record.fields;
  if (fields === undefined || name === '') return undefined;
  if (fields.length <= LINEAR) return search(fields, name);
  let table = tables.get(fields);
  if (!table) {
    table = new Map();
    index(fields, [], table);
    tables.set(fields, table);
  }
  return table.get(name);
}

function search(fields: readonly Field[], name: string): MemberPath | undefined {
  for (const f of fields) {
    if (f.name === name) return [f];
    if (isAnonymous(f)) {
      const inner = findMember(f.type.type, name);
      if (inner) return [f, ...inner];
    }
  }
  return undefined;
}

function index(fields: readonly Field[], path: readonly Field[], table: Map<string, MemberPath>): void {
  for (const f of fields) {
    if (f.name !== '') {
      if (!table.has(f.name)) table.set(f.name, [...path, f]);
    } else if (isAnonymous(f) && f.type.type.fields) index(f.type.type.fields, [...path, f], table);
  }
}

/** A struct or union member without a name, whose members count as the outer record's. */
export function isAnonymous(f: Field): f is Field & { readonly type: { readonly type: RecordType } } {
  return f.name === '' && f.type.type.kind === 'record';
}

/** All names that `.name` may use. */
export function memberNames(record: RecordType, into: string[] = []): string[] {
  for (const f of record.fields ?? []) {
    if (f.name !== '') into.push(f.name);
    else if (isAnonymous(f)) memberNames(f.type.type, into);
  }
  return into;
}
