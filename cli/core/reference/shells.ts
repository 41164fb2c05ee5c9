/** What a shell has to be told so that it asks zdr what may come next. Each line of the answer is a text, a tab and a help. */

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** In the answer: complete names of files. */
export const FILES_LINE = ":files";

export const SHELL_SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: String.raw`# Completion of zdr for bash: source <(zdr completion bash), or into /etc/bash_completion.d/zdr
_zdr() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    if [ "$line" = :files ]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "${"$"}{COMP_WORDS[COMP_CWORD]}")
    else
      COMPREPLY+=("${"$"}{line%%$'\t'*}")
    fi
  done < <(zdr complete -- "${"$"}{COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _zdr zdr
`,
  zsh: String.raw`#compdef zdr
# Completion of zdr for zsh: source <(zdr completion zsh), or into a file _zdr in a folder of $fpath
_zdr() {
  local line
  local -a candidates
  for line in "${"$"}{(@f)$(zdr complete -- "${"$"}{(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == :files ]]; then
      _files
    elif [[ -n $line ]]; then
      candidates+=("${"$"}{${"$"}{line%%$'\t'*}//:/\\:}:${"$"}{line#*$'\t'}")
    fi
  done
  (( $#candidates )) && _describe zdr candidates
}
(( $+functions[compdef] )) && compdef _zdr zdr
`,
  fish: `# Completion of zdr for fish: zdr completion fish | source, or into ~/.config/fish/completions/zdr.fish
function __zdr_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in (zdr complete -- $words[2..-1] 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c zdr -f -a '(__zdr_complete)'
`,
};
