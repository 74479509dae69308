/**
 * What attaches by itself: programs whose name (BCC) or section (libbpf) says where they belong. One row for each type.
 */
import type { Attachment } from '../attach/attachment.ts';
import { attachRawTracepoint } from '../attach/raw-tracepoint.ts';
import { attachTracepoint } from '../attach/tracepoint.ts';
import { UsageError } from '../kernel/errors.ts';
import type { Kernel } from '../kernel/port.ts';
import type { LoadedProgram } from '../link/load.ts';

type Attach = (kernel: Kernel, program: LoadedProgram, target: string) => Attachment;

const BY_TYPE: Readonly<Record<string, Attach>> = {
  tracepoint: attachTracepoint,
  raw_tracepoint: attachRawTracepoint,
};

export function autoAttach(kernel: Kernel, program: LoadedProgram): Attachment {
  const { type, target, section } = program.spec;
  const attach = BY_TYPE[type];
  if (!attach || target === undefined) throw new UsageError(`'${program.name}' (${section}) cannot be attached by itself: attach it by hand, or load with autoAttach: false`);
  return attach(kernel, program, target);
}
