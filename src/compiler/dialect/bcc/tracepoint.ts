/**
 * The struct behind `TRACEPOINT_PROBE`, from the kernel's description of the event (tracefs `…/format`):
 *
 *   field:unsigned short common_type;  offset:0;  size:2;  signed:0;
 *   field:dev_t dev;                   offset:8;  size:4;  signed:0;
 *   field:__data_loc char[] cmd;       offset:32; size:4;  signed:0;
 *
 * Members stand at exactly these offsets: gaps are padded, integers are as wide as `size` says whatever type is named,
 * and dynamic data are `int data_loc_<name>`. The first eight bytes are nobody's business.
 */
interface FormatField {
  readonly declaration: string;
  readonly offset: number;
  readonly size: number;
  readonly signed: boolean;
}

const LINE = /^\s*field:([^;]+);\s*offset:(\d+);\s*size:(\d+);(?:\s*signed:([01]);)?/;

export function parseFormat(format: string): FormatField[] {
  const fields: FormatField[] = [];
  for (const line of format.split('\n')) {
    const match = LINE.exec(line);
    if (match === null) continue;
    const [, declaration = '', offset, size, signed] = match;
    fields.push({ declaration: declaration.trim(), offset: Number(offset), size: Number(size), signed: signed === '1' });
  }
  return fields;
}

const HEAD = 8;

/** C text of `struct name { … };`. `userPointers`: what pointers point to is in user memory (system calls). */
export function tracepointStruct(name: string, format: string, userPointers: boolean): string {
  let text = `struct ${name} {\n\tunsigned long long __do_not_use__;\n`;
  let at = HEAD;
  const fields = parseFormat(format)
    .filter((f) => f.offset >= HEAD)
    .sort((a, b) => a.offset - b.offset);
  const used = new Set<string>();
  for (const field of fields) {
    // Overlapping descriptions would move everything behind them.
    if (field.offset < at || field.size === 0) continue;
    if (field.offset > at) text += `\tchar __pad_${at}[${field.offset - at}];\n`;
    const { name: member, text: declared } = declare(field, userPointers);
    text += used.has(member) ? `\tchar __pad_${field.offset}[${field.size}];\n` : `\t${declared};\n`;
    used.add(member);
    at = field.offset + field.size;
  }
  return `${text}};\n`;
}

interface Declared {
  readonly name: string;
  readonly text: string;
}

function declare({ declaration, offset, size, signed }: FormatField, userPointers: boolean): Declared {
  const dynamic = /^__(data_loc|rel_loc)\s+.*?(\w+)$/.exec(declaration);
  if (dynamic !== null && size === 4) return { name: `${dynamic[1]}_${dynamic[2]}`, text: `int ${dynamic[1]}_${dynamic[2]}` };
  const match = /^(.*?)(\w+)\s*(?:\[([^\]]*)\])?$/.exec(declaration);
  if (match === null) return { name: `__pad_${offset}`, text: `char __pad_${offset}[${size}]` };
  const [, typeText = '', name = '', length] = match;
  const type = typeText.trim();
  if (name.startsWith('common_')) return { name, text: `char ${name}[${size}]` };
  if (length !== undefined) return { name, text: array(type, name, size, Number.parseInt(length, 10), signed) };
  if (type.endsWith('*') && size === 8) return { name, text: pointer(type, name, userPointers) };
  const integer = integerOf(size, signed);
  if (integer !== undefined && offset % size === 0 && !/^(?:struct|union)\b/.test(type)) return { name, text: `${integer} ${name}` };
  // A struct that BTF has keeps its type; anything else is so many bytes.
  return /^(?:struct|union) \w+$/.test(type) && offset % 8 === 0
    ? { name, text: `${type} ${name}` }
    : { name, text: `char ${name}[${size}]` };
}

function array(type: string, name: string, size: number, count: number, signed: boolean): string {
  const element = count > 0 && size % count === 0 ? integerOf(size / count, signed) : undefined;
  if (/^(?:const )?char$/.test(type) || element === undefined) return `char ${name}[${size}]`;
  if (type.endsWith('*') && size / count === 8) return `${type}${name}[${count}]`;
  return `${element} ${name}[${count}]`;
}

function pointer(type: string, name: string, user: boolean): string {
  const pointee = type
    .slice(0, -1)
    .replace(/\b__user\b/g, '')
    .trim();
  const simple = /^(?:const )?(?:(?:struct|union) \w+|\w+(?: \w+)*)(?: const)?(?: ?\**)$/.test(pointee) ? pointee : 'void';
  return user || /\b__user\b/.test(type) ? `${simple} __attribute__((btf_type_tag("user"))) *${name}` : `${simple} *${name}`;
}

function integerOf(size: number, signed: boolean): string | undefined {
  const sign = signed ? 'signed' : 'unsigned';
  switch (size) {
    case 1:
      return signed ? 'signed char' : 'unsigned char';
    case 2:
      return `${sign} short`;
    case 4:
      return `${sign} int`;
    case 8:
      return `${sign} long long`;
    default:
      return undefined;
  }
}
