import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { allHelpers, helperByName, helperByNumber, helperDeclaration } from '../../../src/compiler/dialect/helpers.ts';

test('all 211 helpers, each found by name and number', () => {
  const all = allHelpers();
  assert.equal(all.length, 211);
  for (const [i, helper] of all.entries()) {
    assert.equal(helper.number, i + 1);
    assert.equal(helperByName(helper.name), helper);
    assert.equal(helperByNumber(helper.number), helper);
  }
  assert.equal(helperByName('map_lookup_elem'), undefined);
  assert.equal(helperByName('bpf_no_such_thing'), undefined);
  assert.equal(helperByNumber(0), undefined);
  assert.equal(helperByNumber(212), undefined);
});

const UAPI = '/usr/include/linux/bpf.h';
test('numbers are those of the installed uapi header', { skip: existsSync(UAPI) ? false : 'needs linux-libc-dev' }, () => {
  const text = readFileSync(UAPI, 'utf8');
  const numbered = [...text.matchAll(/^\s*FN\((\w+), (\d+)/gm)].map((m) => [m[1] ?? '', Number(m[2])] as const);
  // Older headers list the names in order, without numbers.
  const names = numbered.length > 0 ? numbered : [...text.matchAll(/^\s*FN\((\w+)\),/gm)].map((m, i) => [m[1] ?? '', i] as const);
  assert.ok(names.length > 150, `${names.length}`);
  for (const [name, number] of names) if (number > 0) assert.equal(helperByName(`bpf_${name}`)?.number, number, name);
});

test('first kernels and licences, from the release notes of those kernels', () => {
  const since = (name: string): string | undefined => helperByName(name)?.since;
  assert.equal(since('bpf_map_lookup_elem'), '3.19');
  assert.equal(since('bpf_ktime_get_ns'), '4.1');
  assert.equal(since('bpf_perf_event_output'), '4.4');
  assert.equal(since('bpf_get_current_task'), '4.8');
  assert.equal(since('bpf_probe_read_kernel'), '5.5');
  assert.equal(since('bpf_ringbuf_reserve'), '5.8');
  assert.equal(since('bpf_for_each_map_elem'), '5.13');
  assert.equal(since('bpf_loop'), '5.17');
  assert.equal(since('bpf_cgrp_storage_delete'), '6.2');
  // From the bpf_func_proto of each: gpl_only.
  for (const name of ['bpf_probe_read_kernel', 'bpf_trace_printk', 'bpf_get_stackid', 'bpf_override_return', 'bpf_perf_event_output'])
    assert.equal(helperByName(name)?.gpl, true, name);
  for (const name of ['bpf_map_lookup_elem', 'bpf_ktime_get_ns', 'bpf_get_current_comm', 'bpf_ringbuf_output', 'bpf_redirect'])
    assert.equal(helperByName(name)?.gpl, false, name);
});

test('the text that declares a helper', () => {
  assert.equal(helperDeclaration('bpf_map_delete_elem'), 'static long (*bpf_map_delete_elem)(void *map, const void *key) = (void *)3;');
  assert.equal(helperDeclaration('bpf_map_lookup_elem'), 'static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;');
  assert.equal(helperDeclaration('__skep_helper_get_prandom_u32'), 'static __u32 (*__skep_helper_get_prandom_u32)(void) = (void *)7;');
  assert.equal(helperDeclaration('printk'), undefined);
});
