# Topics, and every check in plain words: what the sources and what real reports call by an id must be explained.
diagnoses=yes # causes are checks too

commands=$("$assay" -h | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p')
topics=$("$assay" help | sed -n '/TOPIC/,/^$/s/^  \([a-z][a-z]*\)  .*/\1/p')
"$assay" help checks --json >"$T/words.json"
jq -r '.[].check' "$T/words.json" >"$T/ids"

# options COMMAND: the long options that its help lists, sorted; a description begins in column 30.
options() { "$assay" "$1" -h | sed -n 's/^\( \{2,6\}\| \{30,\}\)\(-., \)\?\(--[a-z-]*\).*/\3/p' | sort; }

# fits FILE: it is written in lines of at most 100 columns.
fits() {
    local long
    long=$(awk 'length > 100' "$T/$1" | head -n 1)
    same "$long" ''
}

test_that 'alone it lists topics and commands'
run 0 help
silent err
fits out
for word in checks gibberish golden report suite passport faults $commands; do
    if grep -q "^  $word  *[a-z]" "$T/out"; then passed; else failed "it does not list $word"; fi
done
run 0 help --json
equal '.topics | keys_unsorted | join(" ")' "$(echo $topics)"
equal '.commands | keys_unsorted | join(" ")' "$(echo $commands)"

test_that 'every topic is a page'
for topic_name in $topics; do
    run 0 help "$topic_name"
    silent err
    fits out
    if [ "$(wc -l <"$T/out")" -gt 8 ]; then passed; else failed 'it is short'; fi
    [ "$topic_name" == checks ] && continue
    cp "$T/out" "$T/page"
    run 0 help "$topic_name" --json
    jq -j .text "$T/out" >"$T/text"
    same "$(cmp "$T/page" "$T/text" 2>&1)" ''
done

test_that 'of a command it says what -h says'
for command in $commands; do
    case " $(echo $topics) " in *" $command "*) continue ;; esac
    run 0 help "$command"
    silent err
    same "$("$assay" "$command" -h | cmp - "$T/out" 2>&1)" ''
done

run 0 help check --json
json '.command == "check" and .arguments == "MODEL" and (.text | length > 50) and ([.options[] | select(.name == "golden" and .letter == "g" and .value == "FILE" and .help)] | length == 1)'

test_that 'of a check it says one'
run 0 help layers.isolated
says out 'Each module alone (layers.isolated)'
says_not out 'layers.propagated)'
says out 'What to do: Repair'
says out 'layers.noise_multiple 10'
run 0 help logits.kl
says out 'Limit: logits.kl 0: nothing beyond'
run 0 help hypothesis.moonlight
says out 'What people suspect first'

test_that 'what it does not know is misuse, with a list'
for unknown in nonsense layers. '' 'check model'; do
    [ -n "$unknown" ] || continue
    run 2 help "$unknown"
    silent out
    says err "'$unknown'"
    says err ' gibberish my model'
done
run 2 help one two
silent out

test_that 'without a command it says what to do first'
run 2
silent out
fits err
for line in 'assay check MODEL --golden GOLD' 'assay extract ORIGINAL EXTRACTION' 'assay inspect MODEL' 'assay help gibberish'; do
    says err "$line"
done

test_that 'every limit is told with its checks, and every check of a limit exists'
"$assay" help suite | sed -n '/^Limits/,$s/^  \([a-z]\S*\) [-+.e0-9]*$/\1/p' | sort >"$T/limits"
jq -r '.[].limits | keys[]' "$T/words.json" | sort -u >"$T/judging"
same "$(diff "$T/limits" "$T/judging")" ''
same "$(grep -cE '^    LIMIT_[A-Z0-9_]+,' diagnostics/limits/limits.h)" \
    "$(($(wc -l <"$T/limits") + $("$assay" help report | grep -c '^  severity\.')))"

test_that 'what the sources call by an id has words'
# What may make findings, comments apart, in one line; sources PATTERN: what of it the pattern takes.
ls diagnostics/*.[ch] diagnostics/*/*.[ch] cli/*.[ch] golden/*.[ch] suites/*.[ch] | grep -v check_words |
    xargs cat | sed -e 's,/\*.*\*/,,g' -e '/\/\*/,/\*\//d' | tr -s ' \n' ' ' >"$T/sources"
sources() { grep -oP "$1" "$T/sources" | sort -u; }
# what is given to who makes a finding, whatever it looks like; what looks like one wherever it stands
sources '\b(findings_(add|place|skip)|(inventory|verify|vocabulary)_place|inventory_summary|report_odds|charge_of)\((?:[^",;]*, )?"\K[^"]+(?=")' >"$T/made"
sources '#define [A-Z_]*CHECK "\K[^"]+' >>"$T/made"
nouns=$(sed 's/\..*//' "$T/ids" | sort -u | paste -sd '|')
sources "\"\\K($nouns)\\.[a-z_0-9]+(?=\")" | grep -vx -e config.json -e experts.gate_proj >>"$T/made"
"$assay" help suite | sed -n '/^Limits/,$s/^  \([a-z]\S*\) [-+.e0-9]*$/\1/p' | grep -vxFf "$T/ids" >"$T/limits_only"
sort -u "$T/made" | grep -vxFf "$T/limits_only" >"$T/named"
same "$(grep -vxFf "$T/ids" "$T/named")" ''
# the scan sees what is there: all but those that are made of a table's name
if [ "$(wc -l <"$T/named")" -gt 60 ]; then passed; else failed "the scan found $(wc -l <"$T/named") ids only"; fi
same "$(grep -vxFf "$T/named" "$T/ids")" "$(printf 'hypothesis.*\n'; for kind in characters repetition language leakage wordness grammar surprise coherence expected; do echo "text.$kind"; done; printf 'baseline.*\ndiff.*\nleft_out.*\n')"
# ids that are made at run time: patterns have those of two reports, and the unit test check_words goes through those of texts
same "$(sources "\"\\K($nouns|%s)\\.%s(?=\")")" "$(printf '%%s.%%s\ntext.%%s')"

test_that 'what real reports call by an id has words'
# explained: every check of the last report has a row of its own.
explained() {
    same "$(jq -r '.findings[].check' "$T/out" | sort -u | grep -vxFf "$T/ids")" ''
    jq -r '.findings[].check' "$T/out" >>"$T/reported"
}
: >"$T/reported"
for model in $(some 1 thinker qwen2 llama); do
    run 0 check "$nano/$model" --golden "$(gold $model)" --text :english --context 64 --source "$nano/$model" --json -q
    explained
done
for fault in $(some 2 missing-norms:1 swap-layers:1,3 missing-experts:1/0-3 zeros:model.layers.1.mlp.gate.weight); do
    run 1 check "$nano/thinker" --golden "$(gold thinker)" --fault "$fault" --budget 5 --json -q
    explained
done
run 0 inspect "$nano/thinker" --values --source "$nano/thinker" --json -q
explained
run 1 inspect "$nano/thinker" --fault one-shard-per-layer --golden "$(gold thinker)" --json -q
explained
run 0 diagnose "$nano/qwen3" --golden "$(gold qwen3)" --budget 5 --json -q
explained
run 0 compare "$(gold qwen3)" "$nano/qwen3" --json -q
explained
run 0 compare "$(gold qwen3)" "$(gold qwen3)" --json -q
explained
run 0 perplexity "$nano/llama" --text :english --context 64 --json -q
explained
printf '%s\n' '{"prompt": "2 + 2 =", "text": " 4", "expects": {"matches": ["^ 4$"]}}' '{"text": "We know the the of map Jack bridge"}' >"$T/texts.jsonl"
run '0|1' quality "$T/texts.jsonl" --json -q
explained
run 0 extract "$nano/thinker" "$T/parts" -q
run 0 verify "$T/parts" --source "$nano/thinker" --json -q
explained
run 0 watch "$T/parts" --once --source "$nano/thinker" --golden "$(gold thinker)" --json -q
explained
rm "$T"/parts/norms/*_01.safetensors
run 1 verify "$T/parts" --source "$nano/thinker" --json -q
explained
run '0|1' repair "$T/parts" --golden "$(gold thinker)" --json -q
explained
rm "$T"/parts/norms/*_01.safetensors
run 0 repair "$T/parts" --source "$nano/thinker" --json -q
explained
# a report says much of what there is to say: else the loop above proves little
if [ "$(sort -u "$T/reported" | wc -l)" -gt 50 ]; then passed; else failed "only $(sort -u "$T/reported" | wc -l) checks were seen"; fi

test_that 'what it tells to run and to read exists'
{
    for topic_name in $topics; do "$assay" help "$topic_name"; done
    "$assay" 2>&1
} | tr -s ' \n' ' ' >"$T/all"
for command in $(grep -oP '\bassay \K[a-z]+' "$T/all" | sort -u); do
    case $command in proves | finds | itself | does) continue ;; esac
    case " $(echo $commands) " in *" $command "*) passed ;; *) failed "there is no command $command" ;; esac
done
for command in $commands; do "$assay" "$command" -h; done | grep -oP -- '--\K[a-z][-a-z]+' | sort -u >"$T/options"
for option in $(grep -oP -- ' --\K[a-z][-a-z]+' "$T/all" | sort -u); do
    if grep -qxF -e "$option" "$T/options" || grep -qF -e "--$option" scripts/make_golden.py || [ "$option" == kl-divergence-base ]; then
        passed
    else
        failed "there is no option --$option"
    fi
done
for path in $(grep -oP '\b(scripts|suites|golden|engine|reports)/[a-z_.]+[a-z]' "$T/all" | sort -u); do there "$path"; done
"$assay" faults >"$T/faults"
for fault in $(grep -oP -- '--(fault|variant) \K[a-z][-a-z]+' "$T/all" | sort -u); do
    if grep -qE "^$fault(:|$)" "$T/faults"; then passed; else failed "there is no fault $fault"; fi
done
for id in $(grep -oP "\b($nouns)\.[a-z_]+\b(?!\.)" "$T/all" | sort -u | grep -vx -e config.json -e passport.h -e layers.fallback); do
    if grep -qxF -e "$id" "$T/ids" "$T/limits"; then passed; else failed "there is no check $id"; fi
done

test_that 'bash completes commands, options and their words'
run 0 help --completion bash
silent err
cp "$T/out" "$T/assay.bash"
same "$(bash -n "$T/assay.bash" 2>&1)" ''
# completes EXPECTED WORD...: what bash offers for the last word, of those that begin as it does.
completes() {
    local expected=$1
    shift
    same "$(bash -c 'compopt() { :; }; source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _assay; printf "%s\\n" "${COMPREPLY[@]}"' "$T/assay.bash" "$@" 2>&1 | sort | paste -sd ' ')" "$expected"
}
completes "$(printf '%s\n' -h --help --version $commands | sort | paste -sd ' ')" assay ''
completes 'perplexity' assay pe
completes '--golden' assay check --gol
completes 'degraded' assay check MODEL --fail-on de
completes 'bash' assay help --completion = b
completes 'any broken degraded skip warn' assay check --fail-on =
completes '' assay check --golden "$T"
completes '' assay check MODEL --budget ''
completes 'tokenize trace' assay help t
for command in $commands; do
    completes "$(options "$command" | paste -sd ' ')" assay "$command" --
done

test_that 'every shell gets every command and every option'
for shell in bash zsh fish; do
    run 0 help --completion $shell
    cp "$T/out" "$T/assay.$shell"
    for command in $commands; do
        case $shell in
            bash) sed -n "s/^ *$command:-\*) words='\(.*\)' ;;/\1/p" "$T/assay.bash" | tr ' ' '\n' ;;
            zsh) sed -n "/^    $command)/,/;;/p" "$T/assay.zsh" | grep -oP "(^ *'\*?|,)--[a-z-]+" | grep -o -- '--.*' ;;
            fish) grep "seen_subcommand_from $command'" "$T/assay.fish" | grep -oP ' -l \K[a-z-]+' | sed 's/^/--/' ;;
        esac | sort >"$T/found"
        same "$(grep -c "^ *'$command:\|use_subcommand -a $command -d\|[' ]$command[' ]" "$T/assay.$shell" | grep -vx 0 | wc -l)" 1
        same "$(options "$command" | diff - "$T/found")" ''
    done
    # judged by the shell itself, where it is there
    if command -v $shell >/dev/null; then
        same "$($shell -n "$T/assay.$shell" 2>&1)" ''
    else
        echo "skipped: no $shell to read its completion"
    fi
done

test_that 'zsh and fish offer what bash does, asked as a user asks them'
# offers SHELL LINE...: what it offers for the last word of each line, the options without what they take, the files without folders.
offers() {
    local shell=$1
    shift
    case $shell in
        zsh) HOME=$T zsh -f suites/tests/cli/offers.zsh "$T/assay.zsh" "$@" ;;
        fish)
            HOME=$T fish --no-config -c 'source $argv[1]
                for line in $argv[2..]
                    echo (complete -C $line | string replace -r "\t.*" "" | string replace -r "^(--.*=|.*/)" "" | sort)
                end' "$T/assay.fish" "$@"
            ;;
    esac 2>&1
}
mkdir "$T/offered" && touch "$T/offered/one" "$T/offered/two"
lines=('assay ' 'assay perp' 'assay check --gol' 'assay check MODEL --fail-on de' 'assay check --fail-on=' 'assay help t'
    'assay check MODEL --budget ' "assay check --golden $T/offered/" 'assay check MODEL --golden a --golden b --gold')
{
    printf '%s\n' $commands | sort | paste -sd ' '
    printf '%s\n' perplexity --golden degraded 'any broken degraded skip warn' 'tokenize trace' '' 'one two' --golden
    for command in $commands; do options "$command" | sort | paste -sd ' '; done
} >"$T/expected"
for command in $commands; do lines+=("assay $command --"); done
for shell in zsh fish; do
    if command -v $shell >/dev/null; then
        same "$(offers $shell "${lines[@]}" | diff "$T/expected" -)" ''
    else
        echo "skipped: no $shell to ask what it offers"
    fi
done

test_that 'every command has a page for man'
for command in assay $commands; do
    run 0 help --man "$command"
    silent err
    cp "$T/out" "$T/page.1"
    if command -v groff >/dev/null; then
        same "$(groff -man -Tutf8 -ww "$T/page.1" 2>&1 >"$T/formatted")" ''
    fi
    [ "$command" == assay ] && continue
    sed 's/\\-/-/g; s/\\f.//g' "$T/page.1" >"$T/plain"
    for option in $(options "$command"); do
        if grep -qE -e "^(-., )?$option(=|$)" "$T/plain"; then passed; else failed "there is no $option"; fi
    done
    if grep -q "^assay-$command - " "$T/plain"; then passed; else failed 'it has no NAME'; fi
done
command -v groff >/dev/null || echo 'skipped: no groff to judge the pages for man'
run 2 help --man nonsense
says err "no command 'nonsense'"
run 2 help checks --completion bash
run 2 help --completion tcsh
