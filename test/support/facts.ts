/** Facts of a kernel, for another instruction set than its newest. */
import type { TargetFacts } from '../../src/compiler/target-facts.ts';

export function withCpu(facts: TargetFacts, cpu: TargetFacts['cpu']): TargetFacts {
  return Object.defineProperty(Object.create(facts) as TargetFacts, 'cpu', { value: cpu });
}
