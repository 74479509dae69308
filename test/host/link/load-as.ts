/** Loads an empty program of the type given, attaches it where that is simple, and says how it went. */
import { attachRawTracepoint } from '../../../src/attach/raw-tracepoint.ts';
import { loadObject } from '../../../src/link/load.ts';
import { facts, kernel, returns, tinyObject } from '../kernel/support.ts';

const type = process.argv[2] ?? '';
try {
  using object = loadObject(tinyObject({ program: { type }, main: returns(0), typed: false }), kernel, { facts });
  const program = object.programs.get('main');
  if (type === 'raw_tracepoint' && program !== undefined) {
    attachRawTracepoint(kernel, program, 'sched_switch').detach();
    process.stdout.write('attached\n');
  } else {
    process.stdout.write('loaded\n');
  }
} catch (error) {
  process.stdout.write(error instanceof Error ? `${error.name}: ${error.message}\n` : String(error));
}
