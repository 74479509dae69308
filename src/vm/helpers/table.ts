/** All helpers that the machine has by itself. */

import type { HelperRow } from './call.ts';
import { CONTROL_HELPERS } from './control.ts';
import { DYNPTR_HELPERS } from './dynptr.ts';
import { MAP_HELPERS } from './maps.ts';
import { OUTPUT_HELPERS } from './output.ts';
import { PACKET_HELPERS } from './packet.ts';
import { SYSTEM_HELPERS } from './system.ts';

/** The machine performs it itself. */
export const TAIL_CALL = 12;

export const HELPERS: readonly HelperRow[] = [
  ...MAP_HELPERS,
  ...OUTPUT_HELPERS,
  ...SYSTEM_HELPERS,
  ...CONTROL_HELPERS,
  ...PACKET_HELPERS,
  ...DYNPTR_HELPERS,
];
