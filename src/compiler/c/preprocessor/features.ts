/**
 * What `__has_attribute`, `__has_builtin` and their like answer: what skep's compiler knows, which is what BPF
 * programs ask clang for.
 */

export interface Features {
  /** Names without the underscores around them. */
  readonly attributes: ReadonlySet<string>;
  readonly builtins: ReadonlySet<string>;
  readonly features: ReadonlySet<string>;
  /** What `__has_extension` knows beyond `features`. */
  readonly extensions: ReadonlySet<string>;
}

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

export const DEFAULT_FEATURES: Features = {
  attributes: words(`
    address_space alias aligned alloc_align alloc_size always_inline annotate artificial assume assume_aligned
    availability btf_decl_tag btf_type_tag callback cold common const convergent counted_by counted_by_or_null
    deprecated diagnose_as_builtin diagnose_if disable_tail_calls error fallthrough flag_enum flatten format format_arg gnu_inline hot
    internal_linkage leaf malloc may_alias minsize mode musttail naked no_builtin no_instrument_function
    no_profile_instrument_function no_sanitize no_sanitize_address no_split_stack no_stack_protector nocommon nodebug
    noderef noduplicate noescape noinline nomerge nonnull noreturn not_tail_called nothrow nouwtable optnone
    overloadable packed pass_object_size preserve_access_index preserve_static_offset pure retain returns_nonnull
    returns_twice section sentinel sized_by target transparent_union type_visibility unavailable uninitialized unused
    used visibility warn_unused warn_unused_result warning weak weakref
  `),
  builtins: words(`
    __atomic_add_fetch __atomic_and_fetch __atomic_compare_exchange __atomic_compare_exchange_n __atomic_exchange
    __atomic_exchange_n __atomic_fetch_add __atomic_fetch_and __atomic_fetch_or __atomic_fetch_sub __atomic_fetch_xor
    __atomic_load __atomic_load_n __atomic_or_fetch __atomic_signal_fence __atomic_store __atomic_store_n
    __atomic_sub_fetch __atomic_thread_fence __atomic_xor_fetch
    __builtin_abs __builtin_add_overflow __builtin_assume __builtin_bswap16 __builtin_bswap32
    __builtin_bswap64 __builtin_btf_type_id __builtin_choose_expr __builtin_clz __builtin_clzl __builtin_clzll
    __builtin_constant_p __builtin_ctz __builtin_ctzl __builtin_ctzll __builtin_expect __builtin_expect_with_probability
    __builtin_ffs __builtin_ffsl __builtin_ffsll __builtin_labs __builtin_llabs __builtin_memcmp __builtin_memcpy
    __builtin_memmove __builtin_memset __builtin_mul_overflow __builtin_object_size __builtin_offsetof __builtin_parity
    __builtin_parityl __builtin_parityll __builtin_popcount __builtin_popcountl __builtin_popcountll
    __builtin_preserve_access_index __builtin_preserve_enum_value __builtin_preserve_field_info
    __builtin_preserve_type_info __builtin_strcmp __builtin_strlen __builtin_sub_overflow __builtin_trap
    __builtin_types_compatible_p __builtin_unreachable
    __sync_add_and_fetch __sync_and_and_fetch __sync_bool_compare_and_swap __sync_fetch_and_add __sync_fetch_and_and
    __sync_fetch_and_or __sync_fetch_and_sub __sync_fetch_and_xor __sync_lock_release __sync_lock_test_and_set
    __sync_or_and_fetch __sync_sub_and_fetch __sync_synchronize __sync_val_compare_and_swap __sync_xor_and_fetch
  `),
  features: words(`
    attribute_availability attribute_deprecated_with_message attribute_overloadable attribute_unavailable_with_message
    c_alignas c_alignof c_generic_selections c_static_assert enumerator_attributes nullability
  `),
  extensions: words('gnu_asm gnu_asm_goto_with_outputs statement_attributes_with_gnu_syntax'),
};
