/**
 * Small texts, each about one rule of the preprocessor. `against-clang.test.ts` compares what comes out, token by
 * token, and whether it is an error at all.
 */
export const CASES: Readonly<Record<string, string>> = {
  'object-like macros': '#define A 1\n#define B A + A\nB * A\n',
  'a macro that names itself': '#define x (4 + x)\n#define y (2 * z)\n#define z y + x\nx y z\n',
  'mutual recursion through arguments': '#define f(a) a*g\n#define g(a) f(a)\nf(2)(9)\n',
  'the name at the end of its own expansion': '#define f(x) x f\nf(1)(2)(3)\n#define nil(x) x\n#define NIL nil\nNIL(nil)(NIL)(f(1)(2))\n',
  'a function-like name without parentheses': '#define f(x) [x]\nf + f (1) f\n(2) f /* c */ (3) f;\n',
  'a name whose parenthesis comes from outside':
    '#define f(x) [x]\n#define g f\ng(1) g\n#define h f(\nh 2) h 3)\n#define k f EMPTY\n#define EMPTY\nk(4)\n',
  'deferred expansion':
    '#define EMPTY\n#define DEFER(x) x EMPTY\n#define A() 123\n#define EXPAND(x) x\nDEFER(A)() EXPAND(DEFER(A)())\n#define OBSTRUCT(...) __VA_ARGS__ DEFER(EMPTY)\nEXPAND(OBSTRUCT(A)())\n',
  'blue paint stays':
    '#define foo() bar\n#define bar foo\nfoo()() bar()() foo()()()\n#define AA BB\n#define BB AA\nAA BB\n#define id(x) x\nid(AA) id(id(AA))\n',
  'paint in arguments': '#define f(x) g(x)\n#define g(x) f(x) x\nf(f)(1) f(g)(2) f(f(1)) g(g(g(2)))\n',
  'freed macros stay painted in arguments':
    '#define z z[0]\n#define f(a) f(2 * (a))\nf(f(z)) f(f)(z)\n#define t(a) a\nt(t(t)(0) + t)(1)\n#define m(a) a(0,1)\n#define g f\ng(~ m(f))\n',
  'no arguments and one empty argument': '#define f() zero\n#define g(x) [x]\nf() f( ) f(/**/) g() g( ) g(())\n',
  'arguments with parentheses and commas': '#define f(a, b) <a|b>\nf((1,2),(3,(4,5))) f([1,2]) \n',
  'arguments over lines': '#define f(a, b) a-b\nf (\n1\n,\n2\n) after\n',
  'directives inside arguments': '#define f(x) x\nf(1\n#ifdef A\n2\n#else\n3\n#endif\n4)\nf(\n#undef f\n#define f(x) y x\n5)\nf(6)\n',
  'a redefinition inside its own call': '#define f(x) old x\nf(\n#undef f\n#define g 7\ng\n)\n',
  'too many arguments': '#define f(x) x\nf(1,2)\nafter\n',
  'too few arguments': '#define f(x, y) x\nf(1)\nafter\n',
  'an unterminated call': '#define f(x) x\nf(1\n',
  stringify:
    '#define s(x) #x\ns() s(a) s( a  b ) s("q\\n") s(\'"\') s("\\"") s(a\nb) s(/* c */ a /* d */ b) s(@#`) s(\\n) s("a" L"b" u8"c" \'d\')\n',
  'stringify after expansion':
    '#define s(x) #x\n#define xs(x) s(x)\n#define A B  +  C\n#define E\nxs(A) s(A) xs(A E A) xs(E) xs(E A) xs( E x E ) xs((A))\n',
  'stringify keeps spaces as they were':
    '#define s(x) #x\n#define xs(x) s(x)\n#define p(a,b) a b\n#define q(a,b) a/**/b\n#define r(a,b) a##b\n#define g(a) [a]\nxs(p(1,2)) xs(q(1,2)) xs(p(,2)) xs(g( 1 )) xs(g()) xs(g(g(1))) xs(r(1,2)) xs(g (1)) xs( g(1)g(2) )\n#define e\nxs(a e b) xs(a/**/e/**/b) xs(e+e-) xs((e)) xs([e e]) xs(-e-) xs(g(e))\n',
  'stringify digraphs': '#define s(x) #x\ns(<:) s(%:) s(<% %> :> %:%:)\n',
  'stringify in object-like macros is plain': '#define A #x\n#define x 1\nA\n',
  paste:
    '#define c(a,b) a##b\nc(x,y) c(x,1) c(1,x) c(1,2) c(1.,e) c(+,+) c(-,>) c(<,<=) c(L,"s") c(u8,"s") c(,) c(x,) c(,y) c(.,5) c(1e,+) c(#,#) c(%:,%:)\n',
  'paste is before expansion': '#define c(a,b) a##b\n#define xc(a,b) c(a,b)\n#define A 1\n#define B 2\n#define AB yes\nc(A,B) xc(A,B)\n',
  'paste in object-like macros': '#define A x ## y\n#define xy z\n#define hh # ## #\n#define P(a) hh a\nA P(1)\n',
  'paste of several': '#define c(a,b,d) a##b##d\nc(1,2,3) c(,2,) c(,,3) c(a,,3) c(,,)\n',
  'paste with arguments of several tokens': '#define c(a,b) a##b\nc(x y,z w) c((1),(2)) \n',
  'paste that makes a macro name':
    '#define c(a,b) a##b\n#define foobar(x) <x>\nc(foo,bar)(1) c(c,c)(1,2)\n#define cc(a,b) [a b]\nc(c,c)(1,2)\n',
  'paste that makes its own name': '#define f(x) x##f\n#define ff 1\nf() f(f) f(g)\n',
  'a bad paste': '#define c(a,b) a##b\nc(+,1)\n',
  'a paste that makes a comment': '#define c(a,b) a##b\nc(/,/)\n',
  'paste at the start': '#define A ## x\nA\n',
  'paste at the end': '#define A x ##\nA\n',
  'stringify without parameter': '#define f(x) #y\nf(1)\n',
  variadic: '#define f(...) <__VA_ARGS__>\n#define g(a, ...) a|__VA_ARGS__|\nf() f(1) f(1,2) f((1,2),3) g(1) g(1,) g(1,2) g(1,2,3) g(,)\n',
  'stringify variadic': '#define s(...) #__VA_ARGS__\n#define t(a, ...) #a #__VA_ARGS__\ns() s(1, 2) s(1,2 , 3) t(a,b,c) t(a)\n',
  'GNU named variadic':
    '#define e(fmt, args...) p(fmt, ##args)\n#define d(args...) [args] #args\ne("x") e("x",) e("x", 1, 2) d() d(1, 2)\n',
  'GNU comma':
    '#define e(fmt, ...) p(fmt, ## __VA_ARGS__)\n#define o(...) q(0, ## __VA_ARGS__) ,##__VA_ARGS__\n#define x 1\ne("x") e("x", x) e("x", x, e("y")) o() o(x) o(e("z"))\n',
  'GNU comma with an expanding argument':
    '#define e(fmt, ...) p(fmt, ##__VA_ARGS__)\n#define E\n#define N e("in", 1)\ne("x", E) e("x", N) e("x", e) e("x", e("y", e("z")))\n',
  'GNU comma after a paste': '#define a(x, ...) x##,##__VA_ARGS__\na(1) \n',
  'comma paste that is not the variadic': '#define a(x, ...) , ## x\na(,) \n',
  VA_OPT: '#define f(a, ...) g(a __VA_OPT__(,) __VA_ARGS__)\n#define E\nf(1) f(1,) f(1,2) f(1,2,3) f(1, E) f(1, E E) f(1, ())\n',
  'VA_OPT examples of the standard':
    '#define F(...) f(0 __VA_OPT__(,) __VA_ARGS__)\n#define G(X, ...) f(0, X __VA_OPT__(,) __VA_ARGS__)\n#define SDEF(sname, ...) S sname __VA_OPT__(= { __VA_ARGS__ })\n#define EMP\nF(a, b, c) F() F(EMP) G(a, b, c) G(a, ) G(a) SDEF(foo); SDEF(bar, 1, 2);\n#define H2(X, Y, ...) __VA_OPT__(X ## Y,) __VA_ARGS__\nH2(a, b, c, d)\n#define H3(X, ...) #__VA_OPT__(X##X X##X)\nH3(, 0)\n#define H4(X, ...) __VA_OPT__(a X ## X) ## b\nH4(, 1)\n#define H5A(...) __VA_OPT__()/**/__VA_OPT__()\n#define H5B(X) a ## X ## b\n#define H5C(X) H5B(X)\nH5C(H5A())\n',
  'VA_OPT pasted':
    '#define f(x, ...) x ## __VA_OPT__(y z) ## w\nf(a) f(a,1) f(,1) f()\n#define g(...) __VA_OPT__(a) ## __VA_OPT__(b)\ng() g(1)\n',
  'VA_OPT stringified': '#define f(x, ...) #__VA_OPT__(x __VA_ARGS__  )\nf(a) f(a,  b , c) f("q", "r")\n',
  'VA_OPT unclosed': '#define f(...) __VA_OPT__(a\nf(1)\n',
  'VA_OPT nested': '#define f(...) __VA_OPT__(__VA_OPT__())\nf(1)\n',
  'redefinition that is the same': '#define A (1 + /* c */ 2)\n#define A (1 +   2)\n#define f(x) x\n#define f(x) x\nA f(1)\n',
  undef: '#define A 1\n#undef A\n#undef NEVER\nA\n#define A 2\nA\n',
  'redefinition of a keyword': '#define if while\nif (1) int\n',
  'bad parameter lists': '#define f(a,a) 1\n',
  'unclosed parameter list': '#define f(a,\nf\n',
  'a parameter that is a number': '#define f(1) 2\n',
  'no name to define': '#define\n',
  'defining defined': '#define defined 1\n',
  'arithmetic in #if':
    '#if 1 + 2 * 3 == 7 && (1 + 2) * 3 == 9 && 7 / 2 == 3 && -7 / 2 == -3 && -7 % 3 == -1\nyes\n#endif\n#if (2 || 3) != 1 || (2 && 3) != 1 || (0 || 4) != 1 || (0 && 5) != 0\nno\n#endif\n#if (3 ? 1 : 2) + (0 ? 1 : 2) == 3\nyes\n#endif\n#if ~0 == -1 && !3 == 0 && - - 1 == 1 && +1 == 1\nyes\n#endif\n',
  'signed and unsigned in #if':
    '#if -1 > 0u\nyes\n#endif\n#if -1 < 0\nyes\n#endif\n#if 0xffffffffffffffff == -1\nyes\n#endif\n#if (0 ? -1 : 0u) - 1 > 0\nyes\n#endif\n#if -1 >> 1 == -1\nyes\n#endif\n#if -1u >> 1 != -1\nyes\n#endif\n#if (1 || 0u) - 2 < 0\nyes\n#endif\n#if (1u < 2u) - 2 < 0\nyes\n#endif\n#if 9223372036854775807 + 0 > 0\nyes\n#endif\n#if 18446744073709551615u / 2 == 9223372036854775807\nyes\n#endif\n#if -1 == 0xffffffffu\n#else\nyes\n#endif\n',
  'bit operators in #if':
    '#if (1 << 4 | 3) == 19 && (6 & 3) == 2 && (6 ^ 3) == 5 && 1 << 63 < 0 && 256 >> 4 == 16\nyes\n#endif\n#if 1 | 2 == 2\nyes\n#endif\n#if 1 & 3 == 3\nyes\n#endif\n',
  'short circuits in #if':
    '#if 0 && (1 / 0)\n#elif 1 || (1 % 0)\nyes\n#endif\n#if 1 ? 2 : (3 / 0)\nyes\n#endif\n#if 0 ? (3 / 0) : 0\n#else\nyes\n#endif\n',
  'number forms in #if': '#if 0x10 == 16 && 010 == 8 && 0b101 == 5 && 10ul == 10ULL && 0XFFu == 255 && 1LLU == 1\nyes\n#endif\n',
  'character constants in #if':
    "#if 'a' == 97 && '\\n' == 10 && '\\0' == 0 && '\\x41' == 65 && '\\101' == 65 && '\\\\' == 92 && '\\'' == 39\nyes\n#endif\n#if '\\377' < 0\nyes\n#endif\n#if L'\\xff' == 255 && u'a' == 97 && U'b' == 98 && 'ab' == 24930 && 'abcd' == 1633837924\nyes\n#endif\n#if L'\\u20ac' == 0x20ac && u'\\u20ac' == 0x20ac\nyes\n#endif\n",
  'a float in #if': '#if 1.0\n#endif\n',
  'a bad suffix in #if': '#if 1x\n#endif\n',
  'a bad octal in #if': '#if 08\n#endif\n',
  'a string in #if': '#if "x"\n#endif\n',
  'division by zero in #if': '#if 1 / 0\n#endif\n',
  'remainder by zero in #if': '#if 1 % 0\n#endif\n',
  'assignment in #if': '#if a = 1\n#endif\n',
  'nothing in #if': '#if\n#endif\n',
  'nothing after expansion in #if': '#define E\n#if E\n#endif\n',
  'a missing operand in #if': '#if 1 +\n#endif\n',
  'a missing parenthesis in #if': '#if (1\n#endif\n',
  'two values in #if': '#if 1 2\n#endif\n',
  'a missing colon in #if': '#if 1 ? 2\n#endif\n',
  'an undefined function in #if': '#if f(1)\n#endif\n',
  'a too large number in #if': '#if 99999999999999999999\n#endif\n',
  'macros in #if': '#define f(x) x + 1\n#define g f\n#define N 3\n#if f(N) == 4 && g(N) == 4 && g == 0\nyes\n#endif\n',
  defined:
    '#define A\n#define f(x)\n#if defined A && defined(A) && !defined B && defined f && ! defined ( C )\nyes\n#endif\n#if defined A + defined(A) == 2\nyes\n#endif\n',
  'defined out of a macro':
    '#define A 1\n#define D defined(A)\n#define D2(x) defined(x)\n#define D3 defined\n#if D && D2(B) == 0 && D3 A && D3(A)\nyes\n#endif\n',
  'defined without a name': '#if defined\n#endif\n',
  'defined of a number': '#if defined(1)\n#endif\n',
  'defined without its parenthesis': '#define A\n#if defined(A\n#endif\n',
  'elif chains':
    '#if 0\na\n#elif 1\nb\n#elif 1\nc\n#else\nd\n#endif\n#if 0\na\n#elif 0\nb\n#else\nc\n#endif\n#if 1\na\n#elif this is not looked at\nb\n#endif\n',
  'elifdef and elifndef':
    '#define A\n#if 0\n#elifdef B\nb\n#elifdef A\na\n#else\nc\n#endif\n#ifdef B\n#elifndef A\nx\n#elifndef B\ny\n#endif\n',
  'nested conditionals':
    '#if 1\n#if 0\n#if 1\na\n#else\nb\n#endif\n#elif 1\nc\n#else\nd\n#endif\n#else\n#if 1\ne\n#else\nf\n#endif\n#endif\ng\n',
  'skipped text is not C': '#if 0\ndon\'t "do\n/* #endif\n*/ #endif\n// #endif\n#unknown\n#if (((\n#endif\n#include\n\\\n#endif\nafter\n',
  'skipped literals hide comments': '#if 0\n"/*"\n\'/*\'\n#endif\nyes\n',
  'else twice': '#if 0\n#else\n#else\n#endif\n',
  'elif after else': '#if 0\n#else\n#elif 1\n#endif\n',
  'else alone': '#else\n',
  'endif alone': '#endif\n',
  'no endif': '#if 1\nx\n',
  'no endif in a skipped group': '#ifdef A\n#if 1\n#endif\nx\n',
  'ifdef of nothing': '#ifdef\n#endif\n',
  'ifdef of a number': '#ifdef 3\n#endif\n',
  splices: '#def\\\nine A\\\nB 1 \\\n + 2\nA\\\nB "a\\\nb" /\\\n/ comment \\\n more\nx /\\\n* c *\\\n/ y +\\\n+ \n',
  'splices with white space': '#define A 1 \\  \n 2\nA\n',
  comments: 'a/**/b /* * / */c//d\ne/***/f /* // */ g\n# /* x */ define /* y */ A /* z */ 1\nA "/*" \'//\'\n',
  'an unterminated comment': 'a /* b\n',
  'a directive behind a comment': '/* c\n */ # define A 1\nA\nx /* c\n */ # A\n',
  'the null directive': '#\n # \nx\n#/**/\n',
  'a hash in the text': 'x # y\n#define H #\nH define A 1\nA\n',
  'an unknown directive': '#foo\n',
  error: '#error no\n',
  warning: '#warning yes\nx\n',
  line: '#line 100\n__LINE__\n#line 200 "foo.c"\n__LINE__ __FILE__\n#define L 300 "bar\\\\x.c"\n#line L\n__LINE__ __FILE__\n# 400 "baz.c"\n__LINE__ __FILE__\n',
  'line of a call over lines': '#define f(x) __LINE__ x\n#define g() f(__LINE__)\nf(\n__LINE__\n) g(\n\n)\n__LINE__\n',
  'a bad line': '#line x\n',
  counter: '#define c __COUNTER__\n#define two(x) x x\n__COUNTER__ c two(c) two(__COUNTER__) __COUNTER__\n',
  'include level': '__INCLUDE_LEVEL__\n',
  'Pragma operator': '#define P(x) _Pragma(#x)\n_Pragma("foo") a P(bar "baz") b\n#define id(x) x\nid(id(_Pragma("x")) c)\n',
  'a bad Pragma operator': '_Pragma(1)\n',
  poison: '#pragma GCC poison foo\nbar\n',
  'use of poison': '#pragma GCC poison foo\nfoo\n',
  'poison in a macro from before': '#define A foo\n#pragma GCC poison foo\nA\n',
  'push and pop':
    '#define A 1\n#pragma push_macro("A")\n#undef A\n#define A 2\nA\n#pragma pop_macro("A")\nA\n#pragma push_macro("B")\n#define B 3\nB\n#pragma pop_macro("B")\nB\n',
  'has_attribute and friends':
    '__has_attribute(packed) __has_attribute(__packed__) __has_attribute(nonsense) __has_builtin(__builtin_memcpy) __has_builtin(__builtin_nonsense) __has_feature(c_static_assert) __has_extension(gnu_asm) __has_feature(gnu_asm)\n#if defined(__has_attribute) && defined __has_include && __has_attribute(always_inline)\nyes\n#endif\n#ifdef __has_builtin\nyes\n#endif\n',
  numbers: '0x1p+3 1e+5 1e5+3 .5 5. 1..2 1.e+.5 0xe+1 1_000 1x 08 1.2.3 0b11 1uL\n',
  punctuators: '-> ++ -- << >> <= >= == != && || *= /= %= += -= <<= >>= &= ^= |= ... .. . ## # ::: <<<= ->* >>>= +++ --- &&& ||| \n',
  digraphs: '%: define A 1\nA <: :> <% %> x <: 1 :>\n',
  identifiers: '$x a$b _9 \u00e9t\u00e9 \\u00e9t\\u00e9 \u6f22 x\\u6f22\n#define \\u00e9 1\n\u00e9\n',
  strings: '"" "a" L"b" u"c" U"d" u8"e" u8 "f" LL"g" \'a\' L\'b\' u\'c\' U\'d\' "\\\\" "\\"" \'\\\'\' \'\\\\\'\n',
  kconfig:
    '#define __ARG_PLACEHOLDER_1 0,\n#define __take_second_arg(__ignored, val, ...) val\n#define __and(x, y) ___and(x, y)\n#define ___and(x, y) ____and(__ARG_PLACEHOLDER_##x, y)\n#define ____and(arg1_or_junk, y) __take_second_arg(arg1_or_junk y, 0)\n#define __or(x, y) ___or(x, y)\n#define ___or(x, y) ____or(__ARG_PLACEHOLDER_##x, y)\n#define ____or(arg1_or_junk, y) __take_second_arg(arg1_or_junk 1, y)\n#define __is_defined(x) ___is_defined(x)\n#define ___is_defined(val) ____is_defined(__ARG_PLACEHOLDER_##val)\n#define ____is_defined(arg1_or_junk) __take_second_arg(arg1_or_junk 1, 0)\n#define IS_BUILTIN(option) __is_defined(option)\n#define IS_MODULE(option) __is_defined(option##_MODULE)\n#define IS_ENABLED(option) __or(IS_BUILTIN(option), IS_MODULE(option))\n#define CONFIG_A 1\n#define CONFIG_B_MODULE 1\nIS_ENABLED(CONFIG_A) IS_ENABLED(CONFIG_B) IS_ENABLED(CONFIG_C) IS_BUILTIN(CONFIG_B) IS_MODULE(CONFIG_B)\n#if IS_ENABLED(CONFIG_B) && !IS_ENABLED(CONFIG_C)\nyes\n#endif\n',
  'counting arguments':
    '#define N_(a,b,c,d,e,n,...) n\n#define N(...) N_(_, ##__VA_ARGS__, 4, 3, 2, 1, 0)\nN() N(a) N(a,b) N(a,b,c) N((a,b),c)\n#define CAT(a, b) CAT_(a, b)\n#define CAT_(a, b) a##b\n#define do1(x) <x>\n#define do2(x, y) <x><y>\n#define DO(...) CAT(do, N(__VA_ARGS__))(__VA_ARGS__)\nDO(p) DO(p,q)\n',
  'X macros':
    '#define LIST(X) X(a, 1) X(b, 2) X(c, 3)\n#define E(n, v) n = v,\nenum { LIST(E) };\n#undef E\n#define E(n, v) [v] = #n,\nchar *s[] = { LIST(E) };\n',
  'recursion by indirection':
    '#define EVAL(...) EVAL1(EVAL1(EVAL1(__VA_ARGS__)))\n#define EVAL1(...) EVAL2(EVAL2(EVAL2(__VA_ARGS__)))\n#define EVAL2(...) __VA_ARGS__\n#define EMPTY()\n#define DEFER(id) id EMPTY()\n#define OBSTRUCT(...) __VA_ARGS__ DEFER(EMPTY)()\n#define REPEAT(n, m) m(n) OBSTRUCT(REPEAT_INDIRECT)()(n, m)\n#define REPEAT_INDIRECT() REPEAT\n#define M(n) <n>\nEVAL(REPEAT(1, M))\n',
  'container_of and min':
    '#define typeof_member(T, m) typeof(((T*)0)->m)\n#define container_of(ptr, type, member) ({ void *__mptr = (void *)(ptr); ((type *)(__mptr - offsetof(type, member))); })\n#define ___PASTE(a,b) a##b\n#define __PASTE(a,b) ___PASTE(a,b)\n#define __UNIQUE_ID(prefix) __PASTE(__PASTE(__UNIQUE_ID_, prefix), __COUNTER__)\n#define __cmp_once(x, y, ux, uy, op) ({ typeof(x) ux = (x); typeof(y) uy = (y); ux op uy ? ux : uy; })\n#define min(x, y) __cmp_once(x, y, __UNIQUE_ID(x_), __UNIQUE_ID(y_), <)\nmin(min(a, b), min(c, 4)) container_of(p, struct s, m)\n',
  'macros that make macros arguments':
    '#define comma ,\n#define two(a, b) a+b\n#define call(m, args) m args\n#define pass(x) two(x)\ncall(two, (1, 2)) pass(1 comma 2)\n',
  'arguments that unbalance': '#define f(x) x\n#define lp (\n#define rp )\nf(lp) f(rp) f lp 1 rp f(f)(2) f(f(f)(3))(4)\n',
};
