/** Where XDP sends packets: other interfaces (devmap, Linux 4.14) and other CPUs (cpumap, 4.15). */
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
BPF_DEVMAP(ports, 8);
BPF_CPUMAP(cpus, 4);

int to_port(struct xdp_md *ctx) { return ports.redirect_map(0, 0); }
int to_cpu(struct xdp_md *ctx) { return cpus.redirect_map(0, 0); }`,
});
for (const fn of ['to_port', 'to_cpu']) b.loadFunc(fn, 'xdp');

const XDP_ABORTED = 0;
const XDP_REDIRECT = 4;
const run = (fn: string) => (b.run(fn, { data: new Uint8Array(64) }).result === XDP_REDIRECT ? 'redirected' : 'aborted');
console.log(`nothing set: ${run('to_port')} (${XDP_ABORTED})`);
// Interface 1 is the loopback device; 192 packets may wait for CPU 0.
b.map<number, number>('ports').set(0, 1);
b.map<number, number>('cpus').set(0, 192);
console.log(`to an interface: ${run('to_port')}; to a CPU: ${run('to_cpu')}`);
console.log(`ports: ${[...b.map<number, number>('ports').entries()].map(([slot, index]) => `${slot} is interface ${index}`).join()}`);
