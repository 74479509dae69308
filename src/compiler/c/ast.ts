/**
 * The typed tree: what the parser and `sema/` make and `ir/lower` reads.
 *
 * It is typed and explicit: every expression has its type and value category, every implicit conversion is a `Cast`
 * node, array-to-pointer decay included; typedefs are resolved; `sizeof` and other constants are folded into `Int`;
 * initialisers are flattened into (offset, expression) pairs; names are objects. Nothing after `sema/` reports an
 * error of type or name.
 */
import type { Loc } from '../diagnostics.ts';
import type { Field, FunctionType, IntType, QualType, RecordType } from './types.ts';

/* ---------- declarations ---------- */

export interface Attribute {
  /** Without underscores: 'section', 'always_inline', 'preserve_access_index'. */
  readonly name: string;
  readonly args: readonly AttributeArg[];
  readonly loc: Loc;
}
export type AttributeArg =
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'ident'; readonly name: string }
  | { readonly kind: 'type'; readonly type: QualType };

export interface VarDecl {
  readonly kind: 'var';
  readonly name: string;
  type: QualType;
  readonly storage: 'auto' | 'static' | 'extern' | 'global' | 'register';
  readonly scope: 'file' | 'local';
  readonly attributes: Attribute[];
  readonly loc: Loc;
  init?: Initializer;
  /** Bytes, where `aligned` or `_Alignas` asks for more than the type has. */
  align?: number | undefined;
  /** Set by a dialect on variables that stand for maps; see `dialect/`. */
  map?: MapDecl;
  /** Local variables and parameters whose address is taken or that are aggregates cannot live in registers. */
  addressTaken?: boolean;
}

export interface ParamDecl {
  readonly kind: 'param';
  readonly name: string;
  readonly type: QualType;
  readonly index: number;
  readonly loc: Loc;
  addressTaken?: boolean;
}

export interface FunctionDecl {
  readonly kind: 'function';
  readonly name: string;
  type: FunctionType;
  params: ParamDecl[];
  body?: Compound;
  readonly storage: 'static' | 'extern' | 'global';
  inline: boolean;
  readonly attributes: Attribute[];
  readonly loc: Loc;
  /** Where the closing brace stands. */
  end: Loc;
  /** A kernel helper: called by number. */
  helper?: number;
  /** Set by the dialect on functions that are entry points. */
  program?: ProgramDecl;
  /** Reaches code as `extern … __ksym`. */
  kfunc?: { readonly weak: boolean };
}

/** What a dialect found out about an entry point. The fields mean what they mean in `ProgramSpec`. */
export interface ProgramDecl {
  readonly type: string;
  readonly attachType?: string;
  readonly target?: string;
  readonly section: string;
  readonly autoAttach: boolean;
  readonly autoLoad: boolean;
  readonly sleepable?: boolean;
  readonly xdpFrags?: boolean;
}

/** What a dialect found out about a map. Sizes come from the types. */
export interface MapDecl {
  readonly name: string;
  /** Kernel's name of the type ('hash', …). */
  readonly type: string;
  readonly key: QualType | undefined;
  readonly value: QualType | undefined;
  readonly maxEntries: number;
  readonly flags: number;
  readonly keySize?: number;
  readonly valueSize?: number;
  readonly role?: string;
  readonly pin?: string;
  readonly inner?: MapDecl | string;
  readonly values?: readonly { readonly index: number; readonly name: string }[];
  readonly extra?: bigint;
  readonly numaNode?: number;
  readonly sharing?: 'public' | 'extern' | 'shared';
  /** Types of the records that programs submit to it, in the order of the text. */
  recordTypes?: QualType[];
}

export type ValueDecl = VarDecl | ParamDecl | FunctionDecl;

export interface Asides {
  /** Whatever a name in the text stood for, also where it was only measured. */
  readonly referenced: WeakSet<ValueDecl>;
  /** Expressions in parentheses of their own. */
  readonly parenthesized: WeakSet<Expr>;
  /** Constants that were comparisons. */
  readonly compared: WeakMap<Expr, BinaryOp>;
}

export interface TranslationUnit {
  readonly functions: readonly FunctionDecl[];
  /** File-scope variables, and `static` locals (renamed `function.name`). */
  readonly variables: readonly VarDecl[];
  /** Structs and unions with a name that the text declares at file scope; those without by the name of their typedef. */
  readonly records: readonly (QualType & { readonly loc: Loc })[];
  readonly license: string | undefined;
  /** What only warnings ask for. */
  readonly asides: Asides;
}

/* ---------- expressions ---------- */

interface ExprBase {
  readonly type: QualType;
  readonly loc: Loc;
  /** True where it designates an object (or function) and not a value. */
  readonly lvalue: boolean;
}

export type UnaryOp = 'neg' | 'not' | 'lnot';
export type BinaryOp =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'mod'
  | 'and'
  | 'or'
  | 'xor'
  | 'shl'
  | 'shr'
  | 'eq'
  | 'ne'
  | 'lt'
  | 'le'
  | 'gt'
  | 'ge';

export type CastKind =
  /** lvalue to value: the load. */
  | 'load'
  /** array lvalue to pointer to its first element. */
  | 'decay'
  /** function designator to pointer. */
  | 'functionDecay'
  /** between integer types (truncate, extend by the signedness of the source). */
  | 'integral'
  /** to _Bool: value != 0. */
  | 'toBool'
  | 'pointerToInt'
  | 'intToPointer'
  /** pointer to pointer: same bits. (`pointerToInt` and `intToPointer` are always from and to 64 bits.) */
  | 'pointer'
  /** integer constant 0 to pointer. */
  | 'nullToPointer'
  | 'toVoid'
  /** Same representation, other type (qualifiers, record to itself). */
  | 'noop';

/** `value` is the number itself, in the range of its type (negative when signed and negative). */
export interface Int extends ExprBase {
  readonly kind: 'int';
  readonly value: bigint;
  /** Name of the enumerator this was written as. */
  readonly enumerator?: string | undefined;
}
/** A string literal: lvalue of type char[N]; `bytes` includes the terminating zero. */
export interface Str extends ExprBase {
  readonly kind: 'string';
  readonly bytes: Uint8Array;
}
export interface Ref extends ExprBase {
  readonly kind: 'ref';
  readonly decl: ValueDecl;
}
export interface Unary extends ExprBase {
  readonly kind: 'unary';
  readonly op: UnaryOp;
  readonly operand: Expr;
}
/** Operands converted to a common type; for shifts each promoted alone. Comparison gives int 0 or 1. */
export interface Binary extends ExprBase {
  readonly kind: 'binary';
  readonly op: BinaryOp;
  readonly left: Expr;
  readonly right: Expr;
}
/** pointer + integer (op 'add' or 'sub'); the integer is in elements and of a 64-bit type. */
export interface PointerArith extends ExprBase {
  readonly kind: 'pointerArith';
  readonly op: 'add' | 'sub';
  readonly pointer: Expr;
  readonly index: Expr;
  readonly elementSize: number;
}
/** pointer - pointer, in elements. */
export interface PointerDiff extends ExprBase {
  readonly kind: 'pointerDiff';
  readonly left: Expr;
  readonly right: Expr;
  readonly elementSize: number;
}
export interface Logical extends ExprBase {
  readonly kind: 'logical';
  readonly op: 'and' | 'or';
  readonly left: Expr;
  readonly right: Expr;
}
export interface Comma extends ExprBase {
  readonly kind: 'comma';
  readonly left: Expr;
  readonly right: Expr;
}
/** Simple assignment; value is the new value of the target (not an lvalue). */
export interface Assign extends ExprBase {
  readonly kind: 'assign';
  readonly target: Expr;
  readonly value: Expr;
}
/**
 * `target op= value`: the target is read once, converted to `computeType` (unless pointer arithmetic), combined,
 * converted back, stored. Also ++ and --: `value` is then 1 and `post` says which value results.
 */
export interface CompoundAssign extends ExprBase {
  readonly kind: 'compoundAssign';
  readonly op: BinaryOp | 'pointerAdd' | 'pointerSub';
  readonly target: Expr;
  readonly value: Expr;
  readonly computeType: QualType;
  /** For pointerAdd and pointerSub. */
  readonly elementSize: number;
  readonly post: boolean;
}
export interface Cond extends ExprBase {
  readonly kind: 'cond';
  readonly cond: Expr;
  /** Undefined for GNU `a ?: b`: the value of `cond`, which then has the type of the whole already. */
  readonly then: Expr | undefined;
  readonly else: Expr;
}
/** `callee` is a `Ref` to a function (not decayed), or the value of a pointer to one. Arguments have the types of the parameters. */
export interface Call extends ExprBase {
  readonly kind: 'call';
  readonly callee: Expr;
  readonly args: readonly Expr[];
}
/** `*p`, `p[i]` and `p->m` all rest on this: the lvalue a pointer points to. */
export interface Deref extends ExprBase {
  readonly kind: 'deref';
  readonly pointer: Expr;
}
export interface AddressOf extends ExprBase {
  readonly kind: 'addressOf';
  readonly operand: Expr;
}
/** `base.field` where base is a record (lvalue or value). `p->f` is Member(Deref(p)). */
export interface Member extends ExprBase {
  readonly kind: 'member';
  readonly base: Expr;
  readonly record: RecordType;
  readonly field: Field;
}
export interface Cast extends ExprBase {
  readonly kind: 'cast';
  readonly cast: CastKind;
  readonly operand: Expr;
  readonly explicit: boolean;
}
export interface CompoundLiteral extends ExprBase {
  readonly kind: 'compoundLiteral';
  readonly init: Initializer;
  readonly decl: VarDecl;
}
export interface StmtExpr extends ExprBase {
  readonly kind: 'stmtExpr';
  readonly body: Compound;
  readonly result: Expr | undefined;
}
/** A builtin that is left to lowering: name and operands (see `builtins.ts`). */
export interface Builtin extends ExprBase {
  readonly kind: 'builtin';
  readonly name: string;
  readonly args: readonly Expr[];
  /** Types named by the call (`__builtin_preserve_type_info`, `offsetof` on relocatable records). */
  readonly types?: readonly QualType[] | undefined;
  /** Names and numbers that are part of the call (enumerator name, info kind). */
  readonly info?: bigint | string | undefined;
}
/** The address of a map, for helpers: made by dialects from `&map` and from map methods. */
export interface MapAddress extends ExprBase {
  readonly kind: 'mapAddress';
  readonly map: VarDecl;
}

export type Expr =
  | Int
  | Str
  | Ref
  | Unary
  | Binary
  | PointerArith
  | PointerDiff
  | Logical
  | Comma
  | Assign
  | CompoundAssign
  | Cond
  | Call
  | Deref
  | AddressOf
  | Member
  | Cast
  | CompoundLiteral
  | StmtExpr
  | Builtin
  | MapAddress;

/**
 * Initialiser of an object, flattened. Bytes not named are zero (also padding). Items of a flexible array lie behind
 * the size of the type: the object is as large as they need.
 */
export type Initializer =
  | { readonly kind: 'scalar'; readonly value: Expr }
  /** char array from a string; may be shorter than the object. */
  | { readonly kind: 'string'; readonly bytes: Uint8Array; readonly loc: Loc }
  | { readonly kind: 'list'; readonly items: readonly InitItem[]; readonly loc: Loc };

/** Ascending by offset; a later designator that overrides an earlier one has replaced it. */
export interface InitItem {
  /** Bytes from the start of the whole object. */
  readonly offset: number;
  readonly bit?: { readonly offset: number; readonly width: number };
  readonly type: QualType;
  /** A scalar, a record value, or a string for a char array. */
  readonly value: Expr | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly loc: Loc };
}

/* ---------- statements ---------- */

export interface Compound {
  readonly kind: 'compound';
  readonly body: readonly Stmt[];
  readonly loc: Loc;
  readonly end: Loc;
}
export interface ExprStmt {
  readonly kind: 'expr';
  readonly expr: Expr;
  readonly loc: Loc;
}
/** Declares locals in this place; initialisation happens when control passes here. */
export interface DeclStmt {
  readonly kind: 'decl';
  readonly vars: readonly VarDecl[];
  readonly loc: Loc;
}
export interface If {
  readonly kind: 'if';
  readonly cond: Expr;
  readonly then: Stmt;
  readonly else: Stmt | undefined;
  readonly loc: Loc;
}
/** All loops: `for` with its parts, `while` without init and step, `do` tests at the end. */
export interface Loop {
  readonly kind: 'loop';
  readonly form: 'for' | 'while' | 'do';
  readonly init: Stmt | undefined;
  readonly cond: Expr | undefined;
  readonly step: Expr | undefined;
  readonly body: Stmt;
  /** `#pragma unroll`: 'full', a count, or 'none' (nounroll). */
  readonly unroll?: 'full' | 'none' | number;
  readonly loc: Loc;
}
export interface Switch {
  readonly kind: 'switch';
  readonly value: Expr;
  readonly body: Stmt;
  readonly cases: readonly CaseLabel[];
  readonly loc: Loc;
}
/** `case low ... high:` (GNU) or `case v:` with low == high; default has neither. Bounds are in the type of the switch value. */
export interface CaseLabel {
  readonly kind: 'case';
  readonly low: bigint | undefined;
  readonly high: bigint | undefined;
  body: Stmt | undefined;
  readonly loc: Loc;
}
export interface Label {
  readonly kind: 'label';
  readonly name: string;
  readonly body: Stmt;
  readonly loc: Loc;
}
export interface Goto {
  readonly kind: 'goto';
  readonly label: string;
  readonly loc: Loc;
}
export interface Break {
  readonly kind: 'break';
  readonly loc: Loc;
}
export interface Continue {
  readonly kind: 'continue';
  readonly loc: Loc;
}
export interface Return {
  readonly kind: 'return';
  readonly value: Expr | undefined;
  readonly loc: Loc;
}
export interface Empty {
  readonly kind: 'empty';
  readonly loc: Loc;
}
export interface Asm {
  readonly kind: 'asm';
  readonly text: string;
  readonly outputs: readonly AsmOperand[];
  readonly inputs: readonly AsmOperand[];
  readonly clobbers: readonly string[];
  readonly volatile: boolean;
  /** `asm goto` labels. */
  readonly labels: readonly string[];
  readonly loc: Loc;
}
export interface AsmOperand {
  readonly name: string | undefined;
  readonly constraint: string;
  readonly expr: Expr;
}

export type Stmt = Compound | ExprStmt | DeclStmt | If | Loop | Switch | CaseLabel | Label | Goto | Break | Continue | Return | Empty | Asm;

/** Convenience for lowering and dialects. */
export type { IntType };
