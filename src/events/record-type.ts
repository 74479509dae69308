/** Which type the records of a buffer have: as the caller says, or as the programs that submit them do. */
import { formatType } from '../btf/declarator.ts';
import type { BtfKind, BtfSource } from '../btf/types.ts';
import { UsageError } from '../kernel/errors.ts';
import type { MapSpec } from '../object/spec.ts';

const NAMED: readonly BtfKind[] = ['struct', 'union', 'typedef', 'enum', 'enum64', 'int'];

/** Id of the type. `type`: 'struct event', or a name alone. Throws `UsageError`. */
export function recordTypeOf(btf: BtfSource | undefined, map: MapSpec, type: string | undefined): number {
  const what = `the records of '${map.name}'`;
  if (type === undefined) {
    const [only, ...others] = map.recordTypes ?? [];
    if (only === undefined || btf === undefined)
      throw new UsageError(`${what}: the program does not tell their type`, [], `give 'type' ('struct event', or 'bytes' for raw bytes)`);
    if (others.length === 0) return only;
    const names = [only, ...others].map((id) => formatType(btf, id));
    throw new UsageError(`${what} are of ${names.length} types: ${names.join(', ')}`, [], `say which with 'type'`);
  }
  const [, tag, name] = /^(?:(struct|union|enum) +)?(\w+)$/.exec(type.trim()) ?? [];
  if (name === undefined) throw new UsageError(`'${type}' is no name of a type: it is like 'struct event'`);
  const kinds: readonly BtfKind[] = tag === undefined ? NAMED : tag === 'enum' ? ['enum', 'enum64'] : [tag as BtfKind];
  const found = btf?.find(name, ...kinds);
  if (found !== undefined) return found;
  throw new UsageError(`${what}: this object has no type '${type}'`, btf?.similar(name, ...NAMED) ?? []);
}
