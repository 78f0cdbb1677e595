// concord completion: a script that has a shell complete commands and options. Made from the commands themselves.
import { Argument, Command } from 'commander';
import { strict } from '../outcome.js';

type Shell = 'bash' | 'zsh';

export function completionCommand(program: () => Command): Command {
  return strict(new Command('completion'))
    .description('Prints a script that completes commands and options.')
    .addArgument(new Argument('<shell>', 'which').choices(['bash', 'zsh']))
    .addHelpText(
      'after',
      `
For this session, or at the end of ~/.bashrc or ~/.zshrc:

  source <(concord completion bash)
  source <(concord completion zsh)

It completes for the command "concord", so put node_modules/.bin in the PATH, or: alias concord='npx concord'`,
    )
    .action((shell: Shell) => {
      const cases = casesOf(program(), []).join('\n');
      process.stdout.write(
        shell === 'bash' ? bash(cases) : `autoload -U +X bashcompinit && bashcompinit\n${bash(cases)}`,
      );
    });
}

/** What may come behind each command. */
function casesOf(command: Command, path: readonly string[]): string[] {
  const options = command.options.flatMap(({ long }) => long ?? []);
  const words = [...command.commands.map((each) => each.name()), ...options, '--help'];
  const own = `    '${path.join(' ')}') words='${words.join(' ')}' ;;`;
  return [own, ...command.commands.flatMap((each) => casesOf(each, [...path, each.name()]))];
}

/** The command is the words before the first that is none of a command's: options and arguments say nothing of what it is. */
function bash(cases: string): string {
  return `_concord() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path='' words='' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) break ;; esac
    _concord_words "\${path:+$path }$word"
    [ -n "$words" ] || break
    path="\${path:+$path }$word"
  done
  _concord_words "$path"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
_concord_words() {
  words=''
  case "$1" in
${cases}
  esac
}
complete -o default -F _concord concord
`;
}
