/**
 * `asm volatile goto ("text" : outputs : inputs : clobbers : labels);`
 */
import type { Asm, AsmOperand, Attribute } from '../ast.ts';
import { parseAttributes } from './attributes.ts';
import { parseExpression, parseString } from './expressions.ts';
import type { Parser } from './parser.ts';
import { T } from './token-codes.ts';

/** `("text")` */
export function parseAsmText(p: Parser): string {
  const open = p.expect(T.LPAREN, "'('", 'after asm');
  const text = parseString(p);
  p.expectClose(T.RPAREN, "')'", open);
  return text;
}

export function parseAsm(p: Parser): Asm {
  const { loc } = p.advance();
  let volatile = false;
  for (; p.code === T.QUALIFIER || p.code === T.GOTO || p.code === T.INLINE; p.advance()) {
    if (p.tok.text.includes('volatile')) volatile = true;
  }
  const open = p.expect(T.LPAREN, "'('", 'after asm');
  const text = parseString(p);
  const outputs: AsmOperand[] = [];
  const inputs: AsmOperand[] = [];
  const clobbers: string[] = [];
  const labels: string[] = [];
  for (let section = 0; p.code === T.COLON || p.code === T.COLONCOLON; section++) {
    if (p.code === T.COLONCOLON) section++;
    p.advance();
    if (section > 3) p.fail('expected-token', "expected ')': asm has at most four lists of operands", undefined, p.prev.loc);
    if (p.code === T.COLON || p.code === T.COLONCOLON || p.code === T.RPAREN) continue;
    do {
      switch (section) {
        case 0:
          outputs.push(parseOperand(p, true));
          break;
        case 1:
          inputs.push(parseOperand(p, false));
          break;
        case 2:
          clobbers.push(parseString(p));
          break;
        default: {
          const label = p.expectIdentifier('that names a label');
          labels.push(p.labels?.use(label.text, label.loc, p.jumps) ?? label.text);
        }
      }
    } while (p.accept(T.COMMA));
  }
  p.expectClose(T.RPAREN, "':' or ')' in asm", open);
  const attributes: Attribute[] = [];
  parseAttributes(p, attributes);
  p.expectSemicolon('asm(…)');
  return p.actions.asm({ text, outputs, inputs, clobbers, volatile: volatile || outputs.length === 0, labels, loc });
}

/** `[name] "constraint" (expression)` */
function parseOperand(p: Parser, output: boolean): AsmOperand {
  let name: string | undefined;
  if (p.code === T.LBRACKET) {
    const open = p.advance();
    name = p.expectIdentifier('that names an asm operand').text;
    p.expectClose(T.RBRACKET, "']'", open);
  }
  const constraint = parseString(p);
  const open = p.expect(T.LPAREN, "'('", 'before the expression of an asm operand');
  const expr = parseExpression(p);
  p.expectClose(T.RPAREN, "')'", open);
  return output ? p.actions.asmOutput(expr, constraint, name) : { name, constraint, expr };
}
