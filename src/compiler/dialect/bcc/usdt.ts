/**
 * `bpf_usdt_readarg(n, ctx, &v)` and `bpf_usdt_readarg_p(n, ctx, buffer, size)`: the readers are built here from what
 * the probe's notes say (`CompileOptions.usdt`), with the code that a person would write:
 *
 *   -4@%eax            v = (int)ctx->ax
 *   8@-16(%rbp)        bpf_probe_read_user(&t, 8, ctx->bp - 16); v = t
 *   2@$7               v = 7
 *
 * A probe that stands at several places may keep its arguments elsewhere at each. Then the place is told by the low 12
 * bits of the instruction pointer, which loading a file does not change, and where two places share them by the attach
 * cookie. The result is 0, or -1 where the probe at this place has no such argument.
 */
import type { UsdtArgument } from '../../../elf/usdt-arguments.ts';
import type { Expr } from '../../c/ast.ts';
import type { QualType } from '../../c/types.ts';
import type { Loc } from '../../diagnostics.ts';
import type { UsdtLocation, UsdtProgram } from '../../usdt.ts';
import { pathOf } from '../arguments.ts';
import type { DialectContext } from '../dialect.ts';
import { REGISTERS } from '../registers.ts';
import { type Block, callNamed, number, pointerTo, statementExpression } from '../tree.ts';

/** First kernel with bpf_get_attach_cookie for uprobes. */
const COOKIES = 0x050f00;
const PAGE = 0xfffn;

interface Place {
  readonly location: UsdtLocation;
  /** Position in its own probe's list. */
  readonly cookie: number;
  readonly argument: UsdtArgument | undefined;
}

/** Places where the argument is found the same way. */
interface Group {
  readonly argument: UsdtArgument | undefined;
  /** From the probe's place to the variable, for arguments that name one. */
  readonly distance: bigint | undefined;
  readonly places: Place[];
}

export function usdtCall(name: string, args: readonly Expr[], loc: Loc, context: DialectContext): Expr {
  const { actions, diagnostics } = context;
  const fail = (code: string, message: string, at = loc): Expr => {
    diagnostics.error(code, at, message);
    return actions.intLiteral('0', loc);
  };
  const pointer = name === 'bpf_usdt_readarg_p';
  const count = pointer ? 4 : 3;
  if (args.length !== count) return fail('bad-argument-count', `'${name}' takes ${count} arguments; found ${args.length}`);
  const [which, ctx, target, size] = args as [Expr, Expr, Expr, Expr | undefined];
  if (which.kind !== 'int' || which.value < 1n || which.value > 12n)
    return fail('usdt-argument-number', `'${name}' needs a constant from 1 to 12 first: the number of the argument`, which.loc);
  const n = Number(which.value);
  const probes = probesOf(context);
  if (probes.length === 0) {
    const fn = context.currentFunction?.name ?? 'this function';
    return fail(
      'usdt-unknown-probe',
      `'${fn}' reads arguments of a USDT probe, and is enabled for none: where they are stands in the probe's file, so the probe must be named before the text is compiled`,
    );
  }
  const names = [...new Set(probes.map((p) => p.probe))].join(', ');
  const places = probes.flatMap((p) => p.locations.map((location, cookie) => ({ location, cookie, argument: location.arguments[n - 1] })));
  if (places.every((p) => p.argument === undefined)) {
    const most = Math.max(0, ...places.map((p) => p.location.arguments.length));
    return fail('usdt-no-such-argument', `probe ${names} has ${most} argument${most === 1 ? '' : 's'}; there is no number ${n}`, which.loc);
  }
  const strange = places.find(({ argument, location }) => argument !== undefined && !isReadable(argument, location));
  if (strange?.argument !== undefined)
    return fail('usdt-unreadable-argument', `argument ${n} of probe ${names} cannot be read: it is '${strange.argument.text}'`, which.loc);
  const groups = groupsOf(places);
  const by = selection(groups, probes.length, context);
  if (by === undefined)
    return fail(
      'usdt-ambiguous',
      `argument ${n} of probe ${names} stands elsewhere at each of its places, and here they cannot be told apart: use one function per probe, on Linux 5.15 or later`,
    );
  const read = pointer ? undefined : destination(target, n, fail);
  if (read !== undefined && read.kind !== 'ok') return read.error;
  return statementExpression(actions, loc, (b) => {
    const int: QualType = { type: actions.basicType(['int'], loc), quals: 0 };
    const result = b.local('result', int, actions.unary('-', number(actions, 1, loc), loc));
    const base = b.local('ctx', pointerTo(actions, { kind: 'void' }, loc), ctx);
    const wide: QualType = { type: actions.basicType(['unsigned', 'long'], loc), quals: 0 };
    const to = pointer
      ? b.local('address', wide, number(actions, 0, loc))
      : b.local('to', pointerTo(actions, read?.kind === 'ok' ? read.type : wide, loc), target);
    const store = pointer ? to : (): Expr => actions.unary('*', to(), loc);
    const reader = new Reader(context, loc, base);
    const at = by === 'one' ? undefined : reader.whereFrom(b, by);
    const use = (block: Block, group: Group): void => {
      if (group.argument === undefined) return;
      const value = reader.value(block, group.argument, group.distance);
      const type = pointer ? wide : read?.kind === 'ok' ? read.type : wide;
      block.do(actions.assign('=', store(), actions.cast(type, value, loc), loc));
      block.do(actions.assign('=', result(), number(actions, 0, loc), loc));
    };
    const choose = (block: Block, i: number): void => {
      const group = groups[i] as Group;
      // The last one needs no question.
      if (at === undefined || i === groups.length - 1) return use(block, group);
      const here = group.places
        .map((p) => actions.binary('==', at(), number(actions, by === 'cookie' ? p.cookie : p.location.address & PAGE, loc), loc))
        .reduce((a, c) => actions.binary('||', a, c, loc));
      block.if(
        here,
        (then) => use(then, group),
        (otherwise) => choose(otherwise, i + 1),
      );
    };
    choose(b, 0);
    if (pointer) {
      const address = actions.cast(pointerTo(actions, { kind: 'void' }, loc), to(), loc);
      b.if(actions.binary('==', result(), number(actions, 0, loc), loc), (then) =>
        then.do(actions.assign('=', result(), callNamed(actions, 'bpf_probe_read_user', [target, size as Expr, address], loc), loc)),
      );
    }
    return result();
  });
}

/** The probes that the function is enabled for; for a helper function those of all programs. */
function probesOf({ usdt = [], currentFunction }: DialectContext): readonly UsdtProgram[] {
  const own = usdt.filter((u) => u.program === currentFunction?.name);
  return own.length > 0 || currentFunction?.storage !== 'static' ? own : usdt;
}

function isReadable({ place }: UsdtArgument, { symbols }: UsdtLocation): boolean {
  return place.kind === 'symbol' ? symbols?.has(place.symbol) === true : place.kind !== 'unknown';
}

function groupsOf(places: readonly Place[]): Group[] {
  const groups = new Map<string, Group>();
  for (const place of places) {
    const { argument, location } = place;
    const symbol = argument?.place.kind === 'symbol' ? argument.place : undefined;
    const distance = symbol === undefined ? undefined : (location.symbols?.get(symbol.symbol) ?? 0n) + symbol.offset - location.address;
    const key = distance === undefined ? (argument?.text ?? '') : `${argument?.size} ${argument?.signed} ${distance}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { argument, distance, places: [place] });
    else group.places.push(place);
  }
  return [...groups.values()];
}

/** How the places are told apart; undefined if they cannot be. */
function selection(groups: readonly Group[], probes: number, { facts }: DialectContext): 'one' | 'address' | 'cookie' | undefined {
  if (groups.length === 1) return 'one';
  const taken = new Map<bigint, Group>();
  const clear = groups.every((group) =>
    group.places.every(({ location }) => {
      const low = location.address & PAGE;
      const other = taken.get(low);
      taken.set(low, group);
      return other === undefined || other === group;
    }),
  );
  if (clear) return 'address';
  return probes === 1 && facts.kernelVersion >= COOKIES ? 'cookie' : undefined;
}

type Destination = { readonly kind: 'ok'; readonly type: QualType } | { readonly kind: 'bad'; readonly error: Expr };

function destination(target: Expr, n: number, fail: (code: string, message: string, at: Loc) => Expr): Destination {
  const { type } = target.type;
  const to = type.kind === 'pointer' ? type.to : type.kind === 'array' ? type.of : undefined;
  const kind = to?.type.kind;
  if (to === undefined || (kind !== 'int' && kind !== 'pointer' && kind !== 'enum'))
    return {
      kind: 'bad',
      error: fail('usdt-destination', `argument ${n} needs the address of an integer or pointer to go to, as in &value`, target.loc),
    };
  return { kind: 'ok', type: to.quals === 0 ? to : { ...to, quals: 0 } };
}

class Reader {
  private readonly context: DialectContext;
  private readonly loc: Loc;
  private readonly base: () => Expr;

  constructor(context: DialectContext, loc: Loc, base: () => Expr) {
    this.context = context;
    this.loc = loc;
    this.base = base;
  }

  private type(words: readonly string[]): QualType {
    return { type: this.context.actions.basicType(words, this.loc), quals: 0 };
  }

  private register(name: string): Expr {
    const { actions } = this.context;
    const { loc } = this;
    const regs = { type: actions.recordReference('struct', 'pt_regs', loc, false), quals: 0 };
    const value = pathOf(actions, actions.cast(pointerTo(actions, regs, loc), this.base(), loc), name, loc);
    return actions.cast(this.type(['unsigned', 'long']), value, loc);
  }

  /** What tells the places apart, as a variable. */
  whereFrom(b: Block, by: 'address' | 'cookie'): () => Expr {
    const { actions, facts } = this.context;
    const { loc } = this;
    const value =
      by === 'cookie'
        ? callNamed(actions, 'bpf_get_attach_cookie', [this.base()], loc)
        : actions.binary('&', this.register(REGISTERS[facts.arch].ip), number(actions, PAGE, loc), loc);
    return b.local('at', this.type(['unsigned', 'long']), value);
  }

  value(b: Block, { place, size, signed }: UsdtArgument, distance: bigint | undefined): Expr {
    const { actions, facts } = this.context;
    const { loc } = this;
    const own = this.type([signed ? 'signed' : 'unsigned', ...(INTEGERS[size] ?? [])]);
    switch (place.kind) {
      case 'constant':
        return actions.cast(own, actions.intLiteral(`${BigInt.asUintN(64, place.value)}ul`, loc), loc);
      case 'register': {
        const whole = this.register(place.register);
        return actions.cast(own, place.shift === 0 ? whole : actions.binary('>>', whole, number(actions, place.shift, loc), loc), loc);
      }
      case 'symbol':
        return this.memory(b, own, this.plus(this.register(REGISTERS[facts.arch].ip), distance ?? 0n));
      case 'memory': {
        let address = this.register(place.base);
        if (place.index !== undefined) {
          const { register, shift, extend } = place.index;
          let index = this.register(register);
          if (extend !== undefined) index = actions.cast(this.type(['long']), actions.cast(this.type([extend, 'int']), index, loc), loc);
          if (shift > 0) index = actions.binary('<<', index, number(actions, shift, loc), loc);
          address = actions.binary('+', address, index, loc);
        }
        return this.memory(b, own, this.plus(address, place.offset));
      }
      case 'unknown':
        throw new Error('an argument of unknown form');
      default:
        return place satisfies never;
    }
  }

  private plus(address: Expr, offset: bigint): Expr {
    const { actions } = this.context;
    if (offset === 0n) return address;
    const op = offset < 0n ? '-' : '+';
    return actions.binary(op, address, number(actions, offset < 0n ? -offset : offset, this.loc), this.loc);
  }

  /** The program's memory, zero where it cannot be read. */
  private memory(b: Block, type: QualType, address: Expr): Expr {
    const { actions } = this.context;
    const { loc } = this;
    const value = b.local('value', type, number(actions, 0, loc));
    const from = actions.cast(pointerTo(actions, { kind: 'void' }, loc), address, loc);
    const to = actions.unary('&', value(), loc);
    b.do(callNamed(actions, 'bpf_probe_read_user', [to, actions.sizeofType(type, loc), from], loc));
    return value();
  }
}

const INTEGERS: Readonly<Record<number, readonly string[]>> = { 1: ['char'], 2: ['short'], 4: ['int'], 8: ['long'] };
