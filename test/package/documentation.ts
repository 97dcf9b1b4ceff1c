import { join } from 'node:path';
import ts from 'typescript';

/** The exports of an entry of an installed package whose types carry no JSDoc. */
export function undocumentedExports(
  directory: string,
  entry: string,
): string[] {
  const types = join(directory, `dist/${entry}.d.ts`);
  const program = ts.createProgram([types], {
    module: ts.ModuleKind.NodeNext,
    noLib: true,
  });
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(types)!)!;
  return checker
    .getExportsOfModule(module)
    .filter((exported) => {
      const symbol = checker.getAliasedSymbol(exported);
      return symbol.getDocumentationComment(checker).length === 0;
    })
    .map(({ name }) => name);
}
