/**
 * What the build runs once so that the code cache holds the functions a tool's start calls: the compiler and the loader,
 * end to end, on a kernel that records and does nothing. Needs no privilege, leaves nothing behind.
 */
import { BPF } from '../bcc/bpf.ts';
import { FakeKernel } from '../kernel/fake.ts';
import { linuxKernel } from '../kernel/linux.ts';
import { loadFfi } from '../kernel/linux-ffi.ts';
import { TOOL_LIST } from '../tools/index.ts';
import { Output } from '../tools/output.ts';
import type { ProbeChoice } from '../tools/tool.ts';
import { runTool } from './run-tool.ts';

const FORMAT = `name: block_rq_issue
ID: 1200
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:dev_t dev;\toffset:8;\tsize:4;\tsigned:0;
\tfield:sector_t sector;\toffset:16;\tsize:8;\tsigned:0;
\tfield:unsigned int nr_sector;\toffset:24;\tsize:4;\tsigned:0;
\tfield:unsigned int bytes;\toffset:28;\tsize:4;\tsigned:0;
\tfield:char rwbs[10];\toffset:34;\tsize:10;\tsigned:0;
\tfield:char comm[16];\toffset:44;\tsize:16;\tsigned:0;

print fmt: "%d", REC->dev
`;

export async function warmUp(): Promise<void> {
  const tool = await TOOL_LIST.find((entry) => entry.name === 'bitesize')?.load();
  if (!tool) throw new Error('the tool that the code is warmed with is gone');
  // Parsing of the words, without tracing.
  await runTool(tool, ['--print-program', '1']);
  const kernel = new FakeKernel();
  kernel.files.set('/proc/sys/kernel/osrelease', '6.12.0\n');
  kernel.files.set('/sys/devices/system/cpu/online', '0-1\n');
  kernel.files.set('/sys/devices/system/cpu/possible', '0-1\n');
  kernel.files.set('/sys/kernel/tracing/events/block/block_rq_issue/format', FORMAT);
  kernel.files.set('/sys/kernel/tracing/events/block/block_rq_issue/id', '1200\n');
  kernel.files.set('/sys/kernel/notes', 'build');
  const entries = new Map<string, string>();
  const store = {
    read: (name: string) => [entries.get(name) ?? []].flat(),
    write: (name: string, text: string) => void entries.set(name, text),
  };
  const options = { name: tool.name, text: tool.program({}, {}, tool.probes[0] as ProbeChoice), kernel, store };
  // Compiled, then remembered: a tool starts in both ways.
  (await BPF.load(options)).close();
  if (entries.size === 0) throw new Error('what was compiled is not kept');
  const bpf = await BPF.load(options);
  new Output({ write: () => true }, false).line('Tracing');
  bpf.map('dist');
  bpf.close();
  linuxKernel().exists('/proc/self');
  loadFfi();
}
