/**
 * Constants whose value differs from kernel to kernel, and can be read off its types. One row each; a row that finds
 * nothing leaves the table's value.
 */
import { findMember, sizeOf } from '../../../btf/walk.ts';
import type { TargetFacts } from '../../target-facts.ts';

/** Text of a constant; undefined: as in the table; null: this kernel has no such constant. */
type Row = (facts: TargetFacts) => string | undefined | null;

/**
 * A bit that an enumerator numbers: `#define X (1 << __X)`. Where the kernel has `family`, all of its kind are
 * enumerators, and what is not among them is not there.
 */
function bit(enumerator: string, type: 'U' | 'ULL', family: string): Row {
  return ({ btf }) => {
    const found = btf?.findEnumerator(enumerator);
    if (found !== undefined) return `(1${type} << ${found.value})`;
    return btf?.findEnumerator(family) === undefined ? undefined : null;
  };
}

const words = (text: string): string[] => text.trim().split(/\s+/);

/** REQ_X, by `__REQ_X` since ever. */
const REQUEST_FLAGS = words(`
  FAILFAST_DEV FAILFAST_TRANSPORT FAILFAST_DRIVER SYNC META PRIO NOMERGE IDLE INTEGRITY FUA PREFLUSH RAHEAD BACKGROUND
  NOWAIT POLLED SWAP DRV NOUNMAP
`);
/** RQF_X, by `__RQF_X` since Linux 6.10. */
const QUEUE_FLAGS = words(`
  STARTED SOFTBARRIER FLUSH_SEQ MIXED_MERGE MQ_INFLIGHT DONTPREP SCHED_TAGS USE_SCHED FAILED QUIET ELVPRIV IO_STAT PM
  HASHED STATS SPECIAL_PAYLOAD ZONE_WRITE_LOCKED ZONE_WRITE_PLUGGING MQ_POLL_SLEPT TIMED_OUT ELV RESV
`);
/** SLAB_X, by `_SLAB_X` since Linux 6.9. */
const SLAB_FLAGS = words(`
  CONSISTENCY_CHECKS RED_ZONE POISON KMALLOC HWCACHE_ALIGN CACHE_DMA CACHE_DMA32 STORE_USER PANIC TYPESAFE_BY_RCU
  MEM_SPREAD TRACE NOLEAKTRACE NO_MERGE ACCOUNT NO_USER_FLAGS RECLAIM_ACCOUNT
`);
/** ___GFP_X, by `___GFP_X_BIT` since Linux 6.10. */
const ALLOCATION_FLAGS = words(`
  DMA HIGHMEM DMA32 MOVABLE RECLAIMABLE HIGH IO FS ZERO DIRECT_RECLAIM KSWAPD_RECLAIM WRITE NOWARN RETRY_MAYFAIL NOFAIL
  NORETRY MEMALLOC COMP NOMEMALLOC HARDWALL THISNODE ACCOUNT
`);

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
  ...REQUEST_FLAGS.map((name) => [`REQ_${name}`, bit(`__REQ_${name}`, 'ULL', '__REQ_SYNC')] as const),
  ...QUEUE_FLAGS.map((name) => [`RQF_${name}`, bit(`__RQF_${name}`, 'U', '__RQF_STARTED')] as const),
  ...SLAB_FLAGS.map((name) => [`SLAB_${name}`, bit(`_SLAB_${name}`, 'U', '_SLAB_POISON')] as const),
  ...ALLOCATION_FLAGS.map((name) => [`___GFP_${name}`, bit(`___GFP_${name}_BIT`, 'U', '___GFP_IO_BIT')] as const),
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

/** null: this kernel has no such constant; undefined: the table's value holds. */
export function constantOfKernel(name: string, facts: TargetFacts): string | undefined | null {
  return ROWS.get(name)?.(facts);
}
