/** `skep <command> --help`: the same for all commands; the text is loaded when it is asked for. */
import type { CommandHelp } from './commands.ts';
import { print } from './standard.ts';

/** Returns the exit status. */
export async function showHelp(name: string, help: CommandHelp): Promise<number> {
  const { commandHelp } = await import('./help.ts');
  print(commandHelp(name, help));
  return 0;
}
