/**
 * Constants whose value differs from kernel to kernel, and can be read off its types. One row each; a row that finds
 * nothing leaves the table's value.
 */
import { findMember, sizeOf } from '../../../btf/walk.ts';
import type { TargetFacts } from '../../target-facts.ts';

type Row = (facts: TargetFacts) => string | undefined;

/** A bit that an enumerator numbers: `#define X (1 << __X)`. */
function bit(enumerator: string, type: 'U' | 'ULL'): Row {
  return ({ btf }) => {
    const found = btf?.findEnumerator(enumerator);
    return found === undefined ? undefined : `(1${type} << ${found.value})`;
  };
}

const REQUEST_FLAGS = [
  'FAILFAST_DEV',
  'FAILFAST_TRANSPORT',
  'FAILFAST_DRIVER',
  'SYNC',
  'META',
  'PRIO',
  'NOMERGE',
  'IDLE',
  'INTEGRITY',
  'FUA',
  'PREFLUSH',
  'RAHEAD',
  'BACKGROUND',
  'NOWAIT',
  'POLLED',
  'SWAP',
  'DRV',
  'NOUNMAP',
];
const ALLOCATION_FLAGS = [
  'DMA',
  'HIGHMEM',
  'DMA32',
  'MOVABLE',
  'RECLAIMABLE',
  'HIGH',
  'IO',
  'FS',
  'ZERO',
  'DIRECT_RECLAIM',
  'KSWAPD_RECLAIM',
  'WRITE',
  'NOWARN',
  'RETRY_MAYFAIL',
  'NOFAIL',
  'NORETRY',
  'MEMALLOC',
  'COMP',
  'NOMEMALLOC',
  'HARDWALL',
  'THISNODE',
  'ACCOUNT',
];

/** Size of the first member that exists: the array's name changed over the years. */
function sizeOfMember(struct: string, ...members: readonly string[]): Row {
  return ({ btf }) => {
    const id = btf?.find(struct, 'struct');
    if (btf === undefined || id === undefined) return undefined;
    for (const member of members) {
      const found = findMember(btf, id, member);
      if (found !== undefined) return String(sizeOf(btf, found.type));
    }
    return undefined;
  };
}

function pageShift(facts: TargetFacts): string | undefined {
  if (facts.arch !== 'arm64') return undefined;
  return facts.kconfig('CONFIG_PAGE_SHIFT') ?? facts.kconfig('CONFIG_ARM64_PAGE_SHIFT');
}

const ROWS: ReadonlyMap<string, Row> = new Map<string, Row>([
  ...REQUEST_FLAGS.map((name) => [`REQ_${name}`, bit(`__REQ_${name}`, 'ULL')] as const),
  ...ALLOCATION_FLAGS.map((name) => [`___GFP_${name}`, bit(`___GFP_${name}_BIT`, 'U')] as const),
  ...ALLOCATION_FLAGS.map((name) => [`__GFP_${name}`, () => `___GFP_${name}`] as const),
  ['__GFP_RECLAIM', () => '(__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM)'],
  ['GFP_ATOMIC', () => '(__GFP_HIGH | __GFP_KSWAPD_RECLAIM)'],
  ['GFP_KERNEL', () => '(__GFP_RECLAIM | __GFP_IO | __GFP_FS)'],
  ['GFP_KERNEL_ACCOUNT', () => '(GFP_KERNEL | __GFP_ACCOUNT)'],
  ['GFP_NOWAIT', () => '__GFP_KSWAPD_RECLAIM'],
  ['GFP_NOIO', () => '__GFP_RECLAIM'],
  ['GFP_NOFS', () => '(__GFP_RECLAIM | __GFP_IO)'],
  ['GFP_USER', () => '(__GFP_RECLAIM | __GFP_IO | __GFP_FS | __GFP_HARDWALL)'],
  ['DNAME_INLINE_LEN', sizeOfMember('dentry', 'd_iname', 'd_shortname.string')],
  // The same since Linux began; asking the kernel's types would cost more than the answer is worth.
  ['TASK_COMM_LEN', () => '16'],
  // On x86_64 they are in the table; arm64 kernels are built for one of three sizes.
  ['PAGE_SHIFT', pageShift],
  ['PAGE_SIZE', (facts) => (pageShift(facts) === undefined ? undefined : '(1UL << PAGE_SHIFT)')],
  // Where the direct map begins without address randomisation: what BCC's tools compare instruction pointers with.
  ['PAGE_OFFSET', ({ arch }) => (arch === 'x86_64' ? '0xffff888000000000UL' : '0xffff000000000000UL')],
]);

export function constantOfKernel(name: string, facts: TargetFacts): string | undefined {
  return ROWS.get(name)?.(facts);
}
