/**
 * The seam between parser and semantic analysis: the parser recognises, `Actions` means.
 *
 * The parser never looks into types (but for "is this identifier a type name?"); sema never looks at tokens.
 * Every `build…` takes operands as they were written and returns a typed node with all conversions made explicit.
 * After a reported error an action returns a usable node of type `int` (or the nearest sensible type), so that one
 * mistake does not hide the next and never cascades.
 */
import type { Diagnostics, Loc } from '../../diagnostics.ts';
import type {
  Asm,
  AsmOperand,
  Attribute,
  CaseLabel,
  Compound,
  Expr,
  FunctionDecl,
  Initializer,
  Stmt,
  TranslationUnit,
  VarDecl,
} from '../ast.ts';
import type { CType, EnumType, ParamType, QualType, RecordType } from '../types.ts';

/** What an initialiser looked like, before its target's type gives it meaning. */
export type ParsedInit =
  | { readonly kind: 'expr'; readonly expr: Expr; readonly loc: Loc }
  | { readonly kind: 'list'; readonly items: readonly ParsedInitItem[]; readonly loc: Loc; readonly end: Loc };
export interface ParsedInitItem {
  readonly designators: readonly Designator[];
  readonly value: ParsedInit;
  readonly loc: Loc;
}
export type Designator =
  | { readonly kind: 'field'; readonly name: string; readonly loc: Loc }
  /** `[low ... high]`, or low == high. */
  | { readonly kind: 'index'; readonly low: Expr; readonly high: Expr | undefined; readonly loc: Loc };

export type Storage = 'none' | 'static' | 'extern' | 'register' | 'auto' | 'typedef';

/** The declaration specifiers, collected: `static const unsigned int` … */
export interface DeclSpec {
  readonly type: QualType;
  readonly storage: Storage;
  readonly inline: boolean;
  readonly noreturn: boolean;
  readonly alignas: number | undefined;
  readonly attributes: readonly Attribute[];
  readonly loc: Loc;
}

export interface FieldSpec {
  readonly name: string | undefined;
  readonly type: QualType;
  readonly width: Expr | undefined;
  readonly attributes: readonly Attribute[];
  readonly alignas: number | undefined;
  readonly loc: Loc;
}

/** What a plain identifier means in the current scope. */
export type Meaning = 'type' | 'value' | undefined;

export interface Actions {
  readonly diagnostics: Diagnostics;

  /* scopes and names */
  pushScope(): void;
  popScope(): void;
  /** Is it a typedef name (also one found in the target's BTF)? Decides casts, declarations and `sizeof`. */
  classify(name: string): Meaning;
  typedefType(name: string, loc: Loc): QualType;

  /* types */
  /** From the multiset of basic specifier words ('unsigned', 'long', 'long', 'int'), an error if they do not go together. */
  basicType(words: readonly string[], loc: Loc): CType;
  pointerTo(type: QualType, quals: number, attributes: readonly Attribute[], loc: Loc): QualType;
  arrayOf(type: QualType, length: Expr | undefined, loc: Loc): QualType;
  functionOf(returns: QualType, params: readonly ParamType[], variadic: boolean, prototype: boolean, loc: Loc): QualType;
  /** Applies type attributes (`btf_type_tag`, `address_space`, `aligned` …) and qualifiers. */
  qualify(type: QualType, quals: number, attributes: readonly Attribute[]): QualType;
  /** `struct tag` without a body: a use or a forward declaration (`declares`: followed by `;` only). Unknown tags are looked up in BTF. */
  recordReference(tag: 'struct' | 'union', name: string, loc: Loc, declares: boolean): RecordType;
  beginRecord(tag: 'struct' | 'union', name: string | undefined, loc: Loc): RecordType;
  finishRecord(record: RecordType, fields: readonly FieldSpec[], attributes: readonly Attribute[], end: Loc): void;
  enumReference(name: string, loc: Loc): EnumType;
  /** `underlying`: `enum e : u8 {…}`. */
  beginEnum(name: string | undefined, loc: Loc, underlying?: QualType): EnumType;
  /** Declares the enumerator at once, so that later ones may use it. */
  enumerator(type: EnumType, name: string, value: Expr | undefined, loc: Loc): void;
  finishEnum(type: EnumType, attributes: readonly Attribute[], end: Loc): void;
  typeofExpr(operand: Expr, loc: Loc): QualType;

  /* declarations */
  declareTypedef(name: string, type: QualType, attributes: readonly Attribute[], loc: Loc): void;
  /** Declares the variable before its initialiser is parsed (its scope begins at its declarator). */
  declareVariable(name: string, type: QualType, spec: DeclSpec, attributes: readonly Attribute[], loc: Loc): VarDecl;
  initVariable(variable: VarDecl, init: ParsedInit): void;
  /** After the declarator (and initialiser): incomplete types, map declarations of the dialect. */
  finishVariable(variable: VarDecl): void;
  declareFunction(name: string, type: QualType, spec: DeclSpec, attributes: readonly Attribute[], loc: Loc): FunctionDecl;
  /** Opens the scope of the parameters. */
  beginFunction(fn: FunctionDecl): void;
  finishFunction(fn: FunctionDecl, body: Compound, end: Loc): void;
  /** The length of a parameter's outermost array, whose type is dropped: what it would change is refused. */
  checkParameterLength?(length: Expr): void;
  /** Optional: makes a parameter visible to the array length of a later one, `f(int n, int a[n])`, in a scope of its own. */
  declareParameter?(param: ParamType): void;
  staticAssert(condition: Expr, message: string | undefined, loc: Loc): void;
  /** `struct s;` and `int;`: warns where nothing is declared. */
  emptyDeclaration(spec: DeclSpec): void;
  fileAsm(text: string, loc: Loc): void;

  /* expressions */
  /** Optional: told of every `( expression )`. */
  parenthesized?(expr: Expr): void;
  intLiteral(spelling: string, loc: Loc): Expr;
  charLiteral(spelling: string, loc: Loc): Expr;
  /** Adjacent literals, joined by the parser into a list of spellings. */
  stringLiteral(spellings: readonly string[], loc: Loc): Expr;
  identifier(name: string, loc: Loc): Expr;
  /** Called with an undeclared name directly before `(`: implicit functions are an error that suggests. */
  calleeIdentifier(name: string, loc: Loc): Expr;
  /** Whether this identifier, called, is a builtin whose arguments may be types: then the parser asks `builtinCall`. */
  isBuiltin(name: string): boolean;
  builtinCall(name: string, args: readonly BuiltinArg[], loc: Loc): Expr;
  unary(op: '+' | '-' | '~' | '!' | '*' | '&' | '++' | '--', operand: Expr, loc: Loc): Expr;
  postfix(op: '++' | '--', operand: Expr, loc: Loc): Expr;
  /** All binary operators but assignment, `&&`, `||` and `,` included. */
  binary(op: string, left: Expr, right: Expr, loc: Loc): Expr;
  assign(op: string, target: Expr, value: Expr, loc: Loc): Expr;
  conditional(cond: Expr, then: Expr | undefined, otherwise: Expr, loc: Loc): Expr;
  index(base: Expr, index: Expr, loc: Loc): Expr;
  /** `base.name` or `base->name`. When a call follows, the parser asks `methodCall` first. */
  member(base: Expr, name: string, arrow: boolean, loc: Loc): Expr;
  /** A dialect's method (`table.lookup(&k)`); undefined when `base` has no such thing and it is an ordinary member. */
  isMethod(base: Expr, name: string): boolean;
  methodCall(base: Expr, name: string, args: readonly Expr[], loc: Loc): Expr;
  call(callee: Expr, args: readonly Expr[], loc: Loc): Expr;
  cast(type: QualType, operand: Expr, loc: Loc): Expr;
  compoundLiteral(type: QualType, init: ParsedInit, loc: Loc): Expr;
  sizeofType(type: QualType, loc: Loc): Expr;
  sizeofExpr(operand: Expr, loc: Loc): Expr;
  alignofType(type: QualType, loc: Loc): Expr;
  statementExpression(body: Compound, loc: Loc): Expr;
  generic(control: Expr, associations: readonly { readonly type: QualType | undefined; readonly value: Expr }[], loc: Loc): Expr;
  labelAddress(label: string, loc: Loc): Expr;

  /* statements */
  expressionStatement(expr: Expr): Expr;
  /** Scalar condition of if, loops, `?:` and `!`. */
  condition(expr: Expr, loc: Loc): Expr;
  beginSwitch(value: Expr, loc: Loc): Expr;
  caseLabel(low: Expr | undefined, high: Expr | undefined, loc: Loc): CaseLabel;
  finishSwitch(body: Stmt, loc: Loc): readonly CaseLabel[];
  returnValue(value: Expr | undefined, loc: Loc): Expr | undefined;
  asm(asm: Omit<Asm, 'kind'>): Asm;
  asmOutput(expr: Expr, constraint: string, name: string | undefined): AsmOperand;

  /** An integer constant expression's value, or an error and undefined. */
  constant(expr: Expr, what: string): bigint | undefined;

  finish(): TranslationUnit;
}

export type BuiltinArg =
  | { readonly kind: 'expr'; readonly expr: Expr }
  | { readonly kind: 'type'; readonly type: QualType; readonly loc: Loc }
  /** The second operand of `offsetof`: a.b[2].c */
  | { readonly kind: 'memberPath'; readonly path: readonly (string | Expr)[]; readonly loc: Loc };

export type { Initializer };
