/** How the running kernel was configured: /proc/config.gz, else /boot/config-<release>. Read when first asked. */
import type { Kernel } from './port.ts';
import { readTextIfThere } from './text.ts';

export interface Kconfig {
  /** 'y', 'm', a number or text without quotes, for 'CONFIG_X' or 'X'; undefined when not set. */
  get(name: string): string | undefined;
  /** False where the kernel does not say how it was configured. */
  readonly known: boolean;
}

export function readKconfig(kernel: Kernel, release: () => string): Kconfig {
  let values: ReadonlyMap<string, string> | undefined;
  let known = false;
  const load = (): ReadonlyMap<string, string> => {
    if (values === undefined) {
      const text = readCompressed(kernel) ?? readTextIfThere(kernel, `/boot/config-${release()}`);
      known = text !== undefined;
      values = parseKconfig(text ?? '');
    }
    return values;
  };
  return {
    get: (name) => load().get(name.startsWith('CONFIG_') ? name : `CONFIG_${name}`),
    get known() {
      load();
      return known;
    },
  };
}

function readCompressed(kernel: Kernel): string | undefined {
  if (!kernel.exists('/proc/config.gz')) return undefined;
  const bytes = kernel.readFile('/proc/config.gz');
  return new TextDecoder().decode(process.getBuiltinModule('node:zlib').gunzipSync(bytes));
}

export function parseKconfig(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (!line.startsWith('CONFIG_')) continue;
    const equals = line.indexOf('=');
    if (equals < 0) continue;
    let value = line.slice(equals + 1);
    if (value.startsWith('"') && value.endsWith('"') && value.length > 1) value = value.slice(1, -1).replace(/\\(.)/g, '$1');
    values.set(line.slice(0, equals), value);
  }
  return values;
}
