# offers.zsh COMPLETION LINE...: of each command line, what zsh offers for its last word, in a line. It asks a zsh that runs
# interactively in a terminal of its own, where all that is offered passes through compadd; what only sorts (-O, -A, -D) does not.
zmodload zsh/zpty
export TERM=dumb
zpty asked zsh -f -i
zpty -w asked 'PS1= RPS1= PROMPT_EOL_MARK=; unset zle_bracketed_paste; autoload -U compinit; compinit -u -D; source '${(q)1}'
compadd() {
    if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
        local -a hits
        builtin compadd -A hits "$@"
        print -rl -- "offered "${^hits}
    fi
    builtin compadd "$@"
}
offer() { _main_complete; print of\fered; }
zle -C offer list-choices offer
bindkey "^I" offer
print rea\dy'
zpty -r asked said '*ready*'
shift
for line; do
    offers=()
    zpty -w -n asked $'\x15'$line$'\t'
    while zpty -r asked said; do
        said=${said//[[:cntrl:]]/}
        [[ $said != *offered ]] || break
        [[ $said != *offered\ * ]] || offers+=(${said#*offered })
    done
    print -r -- ${(ou)offers}
done
zpty -d asked
