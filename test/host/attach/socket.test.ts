/** Socket filters on loopback of a namespace that the test makes. */
import assert from 'node:assert/strict';
import { attachPacketSocket, attachToSocket } from '../../../src/attach/socket.ts';
import { UsageError } from '../../../src/kernel/errors.ts';
import { KernelError } from '../../../src/kernel/port.ts';
import { type LoadedObject, type LoadedProgram, loadObject } from '../../../src/link/load.ts';
import { ArrayMap } from '../../../src/maps/array.ts';
import { kernelTest } from '../../run/needs.ts';
import { facts, kernel, leavesNothing, returns, tinyObject } from '../kernel/support.ts';
import { countingObject } from './counting.ts';
import { makeNamespace } from './namespace.ts';

function main(object: LoadedObject): LoadedProgram {
  const program = object.programs.get('main');
  assert.ok(program);
  return program;
}

function counted(object: LoadedObject): bigint {
  const map = object.maps.get('t_array');
  assert.ok(map);
  return new ArrayMap<bigint>(map, kernel, {}).get(0) ?? 0n;
}

/** Length of the next packet; undefined when there is none. */
function receive(socket: number): number | undefined {
  const buffer = new Uint8Array(2048);
  try {
    return kernel.syscall('recvfrom', socket, buffer, buffer.length, 0, null, null);
  } catch (error) {
    if (error instanceof KernelError && error.code === 'EAGAIN') return undefined;
    throw error;
  }
}

kernelTest('a filter sees the packets of its namespace and cuts them', {}, () =>
  leavesNothing(() => {
    const ns = makeNamespace(kernel);
    try {
      // Keep the first 30 bytes of each packet: 14 of Ethernet and 16 of IP.
      using object = loadObject(countingObject({ type: 'socket_filter' }, undefined, 30), kernel, { facts });
      using attached = attachPacketSocket(kernel, main(object), { interface: 'lo', netns: ns.path });
      assert.equal(attached.target, 'lo');
      assert.equal(receive(attached.socket), undefined, 'nothing came in before the filter');
      ns.send(5);
      // Loopback shows a packet when it leaves and when it arrives; answers that nobody listens come on top.
      assert.ok(counted(object) >= 10n, `${counted(object)}`);
      assert.equal(receive(attached.socket), 30);
      attached.detach();
      const before = counted(object);
      ns.send(5);
      assert.equal(counted(object), before);
    } finally {
      ns.close();
    }
  }),
);

kernelTest('a filter that keeps nothing lets nothing through', {}, () =>
  leavesNothing(() => {
    const ns = makeNamespace(kernel);
    try {
      using object = loadObject(tinyObject({ program: { type: 'socket_filter' }, main: returns(0) }), kernel, { facts });
      using attached = attachPacketSocket(kernel, main(object), { interface: 'lo', netns: ns.path });
      ns.send(5);
      assert.equal(receive(attached.socket), undefined);
    } finally {
      ns.close();
    }
  }),
);

kernelTest('a program on a socket of the caller comes off again', {}, () =>
  leavesNothing(() => {
    using object = loadObject(tinyObject({ program: { type: 'socket_filter' }, main: returns(0) }), kernel, { facts });
    const AF_UNIX_DGRAM = [1, 2] as const;
    const socket = kernel.syscall('socket', ...AF_UNIX_DGRAM, 0);
    const attached = attachToSocket(kernel, main(object), socket);
    attached.detach();
    assert.throws(
      () => kernel.syscall('setsockopt', socket, 1, 27, new Uint8Array(4), 4),
      (error: unknown) => error instanceof KernelError && error.code === 'ENOENT',
      'the filter is off',
    );
    kernel.close(socket);
  }),
);

kernelTest('interfaces and namespaces that do not exist', {}, () =>
  leavesNothing(() => {
    using object = loadObject(tinyObject({ program: { type: 'socket_filter' }, main: returns(0) }), kernel, { facts });
    const says =
      (pattern: RegExp) =>
      (error: unknown): boolean =>
        error instanceof UsageError && pattern.test(error.message);
    assert.throws(() => attachPacketSocket(kernel, main(object), { interface: 'nope0' }), says(/no interface 'nope0'/));
    assert.throws(() => attachPacketSocket(kernel, main(object), { interface: 'a-name-that-is-too-long' }), says(/no interface/));
    assert.throws(() => attachPacketSocket(kernel, main(object), { interface: 999999 }), says(/no interface '999999'/));
    assert.throws(() => attachPacketSocket(kernel, main(object), { netns: '/run/netns/nope' }), says(/no network namespace at/));
    assert.throws(() => attachPacketSocket(kernel, main(object), { netns: '/proc/self/stat' }), says(/is no network namespace/));
  }),
);
