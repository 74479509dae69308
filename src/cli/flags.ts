/** A flag that everything has. */
import type { Flags } from '../tools/tool.ts';

export const HELP_FLAG = { help: { type: 'boolean', short: 'h', help: 'show this help and exit' } } as const satisfies Flags;
