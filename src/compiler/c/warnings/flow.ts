/**
 * Along the ways through a function: variables that are read though nothing was put into them, and pointers from
 * look-ups that are followed though nobody asked whether they are null.
 *
 * A fact holds at a place if it holds on every way to it. Where ways meet, what only one of them knows is forgotten; a
 * label forgets everything; a loop begins without what its body may change. So what is said is certain as far as the
 * function itself goes.
 */
import type { Diagnostics } from '../../diagnostics.ts';
import type { Call, Expr, FunctionDecl, Loop, Stmt, Switch, VarDecl } from '../ast.ts';
import { QUAL } from '../types.ts';
import { initializerValues, operands, visit, written } from './walk.ts';
import type { Where } from './warnings.ts';

type Fact = 'unset' | 'unchecked';
/** Undefined: no way leads here. */
type State = Map<VarDecl, Fact> | undefined;

/** Helpers that may find nothing. */
const MAYBE_NULL = new Set(
  'map_lookup_elem map_lookup_percpu_elem sk_storage_get task_storage_get inode_storage_get cgrp_storage_get ringbuf_reserve sk_lookup_tcp sk_lookup_udp skc_lookup_tcp sk_fullsock tcp_sock get_listener_sock per_cpu_ptr'
    .split(' ')
    .map((name) => `bpf_${name}`),
);

export function flowWarnings(fn: FunctionDecl, where: Where, diagnostics: Diagnostics): void {
  if (fn.body !== undefined && isInteresting(fn.body)) new Flow(where, diagnostics).run(fn.body);
}

/** Most functions have nothing to follow. */
function isInteresting(body: Stmt): boolean {
  let found = false;
  visit(body, {
    stmt: (s) => {
      if (s.kind === 'decl' && s.vars.some((v) => v.init === undefined && isTracked(v))) found = true;
    },
    expr: (e) => {
      if (e.kind === 'call' && mayBeNull(e)) found = true;
    },
  });
  return found;
}

function isTracked(v: VarDecl): boolean {
  const { kind } = v.type.type;
  return (
    v.scope === 'local' &&
    v.storage !== 'static' &&
    v.storage !== 'extern' &&
    !(v.type.quals & QUAL.VOLATILE) &&
    (kind === 'int' || kind === 'pointer' || kind === 'enum')
  );
}

function mayBeNull({ callee }: Call): boolean {
  return callee.kind === 'ref' && callee.decl.kind === 'function' && MAYBE_NULL.has(callee.decl.name);
}

/** The call that a value comes from, behind casts. */
function lookup(e: Expr): Call | undefined {
  let at = e;
  while (at.kind === 'cast') at = at.operand;
  return at.kind === 'call' && mayBeNull(at) ? at : undefined;
}

function variable(e: Expr): VarDecl | undefined {
  return e.kind === 'ref' && e.decl.kind === 'var' ? e.decl : undefined;
}

function merge(a: State, b: State): State {
  if (a === undefined) return b;
  if (b === undefined) return a;
  const both = new Map<VarDecl, Fact>();
  for (const [v, fact] of a) if (b.get(v) === fact) both.set(v, fact);
  return both;
}

const copy = (s: State): State => (s === undefined ? undefined : new Map(s));

/** Deeper than this nobody is told anything. */
const MAX_DEPTH = 400;

class Flow {
  private readonly where: Where;
  private readonly diagnostics: Diagnostics;
  private state: State = new Map();
  private breaks: State = undefined;
  private entry: State = undefined;
  private depth = 0;

  constructor(where: Where, diagnostics: Diagnostics) {
    this.where = where;
    this.diagnostics = diagnostics;
  }

  run(body: Stmt): void {
    this.statement(body);
  }

  /* ---------- statements ---------- */

  private statement(s: Stmt): void {
    if (++this.depth > MAX_DEPTH) this.state = new Map();
    else this.statementAt(s);
    this.depth--;
  }

  private statementAt(s: Stmt): void {
    switch (s.kind) {
      case 'compound':
        for (const inner of s.body) this.statement(inner);
        return;
      case 'expr':
        return this.expr(s.expr);
      case 'decl':
        for (const v of s.vars) this.declare(v);
        return;
      case 'if': {
        this.condition(s.cond);
        const before = copy(this.state);
        const known = written(s.cond);
        if (known.kind === 'int' && known.value === 0n) this.state = undefined;
        this.statement(s.then);
        const after = this.state;
        this.state = known.kind === 'int' && known.value !== 0n ? undefined : before;
        if (s.else !== undefined) this.statement(s.else);
        this.state = merge(after, this.state);
        return;
      }
      case 'loop':
        return this.loop(s);
      case 'switch':
        return this.choose(s);
      case 'case':
        this.state = merge(this.state, copy(this.entry));
        if (s.body !== undefined) this.statement(s.body);
        return;
      case 'label':
        this.state = new Map();
        return this.statement(s.body);
      case 'return':
        if (s.value !== undefined) this.expr(s.value);
        this.state = undefined;
        return;
      case 'break':
        this.breaks = merge(this.breaks, this.state);
        this.state = undefined;
        return;
      case 'goto':
      case 'continue':
        this.state = undefined;
        return;
      case 'asm':
        for (const { expr } of [...s.inputs, ...s.outputs]) this.forget(expr);
        return;
      case 'empty':
        return;
      default:
        s satisfies never;
    }
  }

  private declare(v: VarDecl): void {
    if (!isTracked(v)) {
      for (const e of initializerValues(v.init)) this.expr(e);
      return;
    }
    if (v.init === undefined) {
      // An attribute such as cleanup takes its address.
      if (v.attributes.length === 0 && this.where.named(v.loc, v.name)) this.state?.set(v, 'unset');
      return;
    }
    for (const e of initializerValues(v.init)) {
      this.expr(e);
      this.assigned(v, e);
    }
  }

  private loop(s: Loop): void {
    if (s.init !== undefined) this.statement(s.init);
    const outer = { breaks: this.breaks, entry: this.entry };
    this.breaks = undefined;
    this.entry = undefined;
    if (s.form !== 'do') this.forgetChanged(s);
    if (s.form !== 'do' && s.cond !== undefined) this.condition(s.cond);
    const skipped = s.form === 'do' ? undefined : copy(this.state);
    if (s.form === 'do') this.forgetChanged(s);
    this.statement(s.body);
    if (s.step !== undefined) {
      // Reached by `continue`, too: nothing is known here.
      this.state = new Map();
      this.expr(s.step);
    }
    if (s.form === 'do' && s.cond !== undefined) {
      if (this.state === undefined) this.state = new Map();
      this.condition(s.cond);
    }
    const endless = s.cond === undefined || (s.cond.kind === 'int' && s.cond.value !== 0n);
    const left = s.form === 'do' ? this.state : skipped;
    this.state = merge(endless ? undefined : left, this.breaks);
    this.breaks = outer.breaks;
    this.entry = outer.entry;
  }

  private choose(s: Switch): void {
    this.expr(s.value);
    const outer = { breaks: this.breaks, entry: this.entry };
    this.entry = copy(this.state);
    this.breaks = undefined;
    const all = s.cases.some((c) => c.low === undefined);
    this.state = undefined;
    this.statement(s.body);
    this.state = merge(merge(this.state, this.breaks), all ? undefined : this.entry);
    this.breaks = outer.breaks;
    this.entry = outer.entry;
  }

  /** What a loop may change is not known at its begin. */
  private forgetChanged(s: Loop): void {
    const { state } = this;
    if (state === undefined || state.size === 0) return;
    visit(s, {
      stmt: (inner) => {
        if (inner.kind === 'asm') for (const { expr } of inner.outputs) this.forget(expr);
      },
      expr: (e) => {
        if (e.kind === 'assign' || e.kind === 'compoundAssign') this.forget(e.target);
        else if (e.kind === 'addressOf') this.forget(e.operand);
      },
    });
  }

  /* ---------- expressions ---------- */

  private forget(e: Expr): void {
    const v = variable(e);
    if (v !== undefined) this.state?.delete(v);
    else for (const o of operands(e)) this.forget(o);
  }

  private assigned(v: VarDecl, value: Expr): void {
    this.state?.delete(v);
    if (lookup(value) !== undefined && this.where.users(value.loc)) this.state?.set(v, 'unchecked');
  }

  /** Whatever is mentioned in a condition has been asked about. */
  private condition(e: Expr): void {
    this.expr(e);
    const { state } = this;
    if (state === undefined || state.size === 0) return;
    visit([e], {
      expr: (inner) => {
        const v = variable(inner);
        if (v !== undefined && state.get(v) === 'unchecked') state.delete(v);
      },
    });
  }

  private expr(e: Expr): void {
    if (this.state === undefined) return;
    if (++this.depth > MAX_DEPTH) this.state = new Map();
    else this.exprAt(e);
    this.depth--;
  }

  private exprAt(e: Expr): void {
    switch (e.kind) {
      case 'cast': {
        const v = e.cast === 'load' ? variable(e.operand) : undefined;
        if (v !== undefined) return this.read(v, e);
        return this.expr(e.operand);
      }
      case 'assign': {
        const v = variable(e.target);
        this.expr(e.value);
        if (v !== undefined) return this.assigned(v, e.value);
        return this.place(e.target);
      }
      case 'compoundAssign': {
        const v = variable(e.target);
        this.expr(e.value);
        if (v === undefined) return this.place(e.target);
        this.read(v, e.target);
        this.state?.delete(v);
        return;
      }
      case 'logical': {
        this.condition(e.left);
        const before = copy(this.state);
        this.condition(e.right);
        this.state = merge(before, this.state);
        return;
      }
      case 'cond': {
        this.condition(e.cond);
        const before = copy(this.state);
        if (e.then !== undefined) this.expr(e.then);
        const after = this.state;
        this.state = before;
        this.expr(e.else);
        this.state = merge(after, this.state);
        return;
      }
      case 'unary':
        return e.op === 'lnot' ? this.condition(e.operand) : this.expr(e.operand);
      case 'addressOf':
        return this.place(e.operand, true);
      case 'deref':
        return this.follow(e.pointer);
      case 'stmtExpr':
        this.statement(e.body);
        if (e.result !== undefined) this.expr(e.result);
        return;
      case 'binary':
        this.expr(e.left);
        this.expr(e.right);
        // A comparison may be how the null is found, whatever becomes of the result.
        if (['eq', 'ne', 'lt', 'le', 'gt', 'ge'].includes(e.op)) this.condition(e.left);
        if (['eq', 'ne', 'lt', 'le', 'gt', 'ge'].includes(e.op)) this.condition(e.right);
        return;
      case 'call':
      case 'builtin':
        for (const o of operands(e)) {
          this.expr(o);
          // A helper or function that takes it may ask.
          const v = variable(written(o));
          if (v !== undefined && this.state?.get(v) === 'unchecked') this.state.delete(v);
        }
        return;
      case 'ref':
      case 'int':
      case 'string':
      case 'mapAddress':
        return;
      case 'comma':
      case 'pointerDiff':
      case 'pointerArith':
      case 'member':
      case 'compoundLiteral':
        for (const o of operands(e)) this.expr(o);
        return;
      default:
        e satisfies never;
    }
  }

  /** An lvalue that is written to, or whose address is taken: from then on it may hold anything. */
  private place(e: Expr, address = false): void {
    const v = variable(e);
    if (v !== undefined) this.state?.delete(v);
    else if (e.kind === 'deref') {
      if (address) this.expr(e.pointer);
      else this.follow(e.pointer);
    } else if (e.kind === 'member') this.place(e.base, address);
    else this.expr(e);
  }

  private read(v: VarDecl, at: Expr): void {
    if (this.state?.get(v) !== 'unset') return;
    this.state.delete(v);
    if (!this.where.users(at.loc)) return;
    this.diagnostics.warn('uninitialized', at.loc, `variable '${v.name}' is read here and nothing has been put into it`, [
      { message: `declared here; give it a value, as in '${v.name} = 0'`, loc: v.loc },
    ]);
  }

  private follow(pointer: Expr): void {
    this.expr(pointer);
    const direct = lookup(pointer);
    let e = pointer;
    while (e.kind === 'cast' || e.kind === 'pointerArith') e = e.kind === 'cast' ? e.operand : e.pointer;
    const v = variable(e);
    const unchecked = v !== undefined && this.state?.get(v) === 'unchecked';
    if (unchecked) this.state?.delete(v);
    if ((direct === undefined && !unchecked) || !this.where.users(e.loc)) return;
    const name = direct === undefined ? `'${v?.name}'` : 'what the look-up gives';
    this.diagnostics.warn(
      'unchecked-lookup',
      e.loc,
      `${name} may be null here, and the kernel refuses programs that do not ask: ${direct === undefined ? `if (!${v?.name}) return 0;` : 'keep it in a variable and check that first'}`,
    );
  }
}
