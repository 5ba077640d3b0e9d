# Help, misuse, and what cannot be read.
# The commands are those that assay -h lists, and what one takes is what its own help says.
commands=$("$assay" -h | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p')
diagnoses=yes # what is written on the command line is all that is there
model=$nano/qwen3
# options COMMAND: the long options that it lists.
options() { "$assay" "$1" -h | sed -n 's/^  \(-., \|    \)--\([a-z-]*\).*/\2/p'; }
# taking OPTION: the commands that take it.
taking() {
    local command
    for command in $commands; do
        if options $command | grep -qx -e "$1"; then echo $command; fi
    done
}

test_that 'every command is listed, with one line of help, and has no option twice'
for file in cli/command_*.c; do
    command=${file#cli/command_}
    command_line=-h
    same "$("$assay" -h | grep -c "^  ${command%.c} *[a-z]")" 1
done
same "$(wc -w <<<"$commands")" "$(ls cli/command_*.c | wc -l)"
for command in $commands; do
    command_line="$command -h"
    same "$(options $command | sort | uniq -d)" ''
    same "$(options $command | grep -c -x -e json -e quiet -e help -e usage)" 4
done

test_that 'help goes to stdout'
for command in $commands; do
    for option in -h --help; do
        run 0 $command $option
        silent err
        says out 'Usage: assay'
        says out "assay $command"
        [ $command == trace ] || says out --json
        says out -q
    done
    run 0 --help
    says out "$command"
done
for option in -h --help; do
    run 0 $option
    silent err
    says out 'Exit status'
done
run 0 --version
says out 'assay 0.'

test_that 'misuse goes to stderr'
misuse() {
    run 2 "$@"
    silent out
    if [ -s "$T/err" ]; then passed; else failed 'nothing on stderr'; fi
}
misuse
misuse frobnicate
says err frobnicate
for command in $commands; do
    # one that needs an argument
    if "$assay" $command -h | head -n 1 | grep -q '\[OPTION\.\.\.\] [^[]'; then misuse $command; fi
    misuse $command --nonsense "$model"
    says err nonsense
    misuse $command "$model" "$model" "$model"
done
# refused OPTION VALUE: by every command that takes it. Nothing else is looked at before the options are right.
refused() {
    local taken command
    taken=$(taking "$1")
    same "${taken:+there is one}" 'there is one'
    for command in $taken; do
        misuse $command "$model" "--$@"
    done
}
refused threads 0
refused threads x
refused threads 99999999
refused memory lots
refused cache-experts 0
refused cache-experts many
refused missing perhaps
refused config
misuse check "$model" --golden
misuse check "$model" --context 1
misuse check "$model" --stride 0
misuse check "$model" --text suites/data/text/english.txt --context 8 --stride 9
misuse check "$model" --chunk 0
misuse compare "$(gold qwen3)"
misuse trace "$model"
misuse trace "$model" -o "$T/x"
misuse trace "$model" --prompt a
misuse trace "$model" --ids 1,x -o "$T/x"
says err "'x'"
misuse trace "$model" --ids 1,-2 -o "$T/x"
misuse trace "$model" --ids 99999999999999999999 -o "$T/x"
misuse trace "$model" --ids '' -o "$T/x"
for list in 1,,2 1, ,1 , '1 , ,2' '[1,2' '1,2]' '[1,]' '[[1]]' '[1][2]' '[1] 2' '[]' ']'; do
    misuse trace "$model" --ids "$list" -o "$T/x"
    absent "$T/x"
done
for list in 1,2 '1 2' ' [ 1 , 2 ] ' $'1\r\n2\n' '[1 2]'; do
    run 0 tokenize "$model" --decode "$list"
    same "$(cat "$T/out")" "$("$assay" tokenize "$model" --decode 1,2)"
done
misuse tokenize "$model" --decode 1,,2
misuse trace "$model" --ids 1 -o "$T/x" --points some
misuse trace "$model" --ids 1 -o "$T/x" --chunk -1
misuse perplexity "$model"
misuse perplexity "$model" --text suites/data/text/english.txt --context 1
misuse perplexity "$model" --text suites/data/text/english.txt --context x
misuse perplexity "$model" --text suites/data/text/english.txt --stride 0
misuse perplexity "$model" --text suites/data/text/english.txt --context 8 --stride 9
misuse tokenize "$model" text --decode 1
misuse tokenize "$model" --decode 1,x
says err "'x'"
misuse tokenize "$model" --file a --decode 1
misuse tokenize "$model" text --file a
misuse tokenize "$model" one two
misuse tokenize "$model" --jsonl --decode 1

test_that 'a thing that is not there is named'
unreadable() {
    local named=$1
    shift
    run 3 "$@"
    silent out
    says err "$named"
}
for command in check inspect bench; do
    unreadable "$T/nowhere" $command "$T/nowhere"
    unreadable "$T/nowhere" $command "$T/nowhere" --json
done
unreadable "$T/nowhere" trace "$T/nowhere" --ids 1 -o "$T/x"
unreadable "$T/nowhere" perplexity "$T/nowhere" --text suites/data/text/english.txt
unreadable "$T/nowhere" perplexity "$model" --text "$T/nowhere"
unreadable "$T/nowhere" tokenize "$T/nowhere" text
unreadable "$T/nowhere" tokenize "$model" --file "$T/nowhere"
unreadable "$T/nowhere" check "$model" --golden "$T/nowhere"
unreadable "$T/nowhere" check "$model" --suite "$T/nowhere"
unreadable "$T/nowhere" check "$model" --text "$T/nowhere"
unreadable "$T/nowhere" check "$model" --config "$T/nowhere"
unreadable "$T/nowhere" check "$model" --tokenizer "$T/nowhere"
unreadable "$T/nowhere" check "$nano/thinker-extraction" --source "$T/nowhere"
unreadable "$T/nowhere" compare "$T/nowhere" "$model"
unreadable "$T/nowhere" compare "$(gold qwen3)" "$T/nowhere"

test_that 'a folder where a file should be is named'
mkdir "$T/folder"
unreadable "$T/folder" check "$model" --golden "$T/folder"
unreadable "$T/folder" check "$model" --suite "$T/folder"
unreadable "$T/folder" check "$model" --text "$T/folder"
unreadable "$T/folder" check "$model" --config "$T/folder"
unreadable "$T/folder" tokenize "$model" --file "$T/folder"
unreadable "$T/folder" trace "$model" --ids 1 -o "$T/folder"
unreadable "$T/folder" check "$T/folder"
unreadable "$T/folder" inspect "$T/folder"
unreadable "$T/folder" tokenize "$T/folder" text

test_that 'a source that is no model is named'
mkdir "$T/empty"
for source in "$T/empty" "$T/nowhere" "$PWD/README.md"; do
    for asked in "inspect $model" "check $model --golden $(gold qwen3)" "generate $model --prompt hi -n 1"; do
        # shellcheck disable=SC2086
        unreadable "$source" $asked --source "$source"
    done
done

test_that 'a result that does not reach stdout is none'
for asked in --version -h 'check -h' 'check --usage' faults 'faults --json' 'inspect golden/nano/qwen2'; do
    # shellcheck disable=SC2086
    "$assay" $asked >/dev/full 2>"$T/err"
    same "$asked $?" "$asked 3"
    says err 'cannot write'
done

test_that 'an output folder that cannot be made: exit 3, and the result is not lost'
: >"$T/file"
run 3 check "$model" --golden "$(gold qwen3)" -o "$T/file"
says err "$T/file"
run 3 check "$model" --golden "$(gold qwen3)" -o "$T/file/below"
says err "$T/file"
run 3 check "$model" --golden "$(gold qwen3)" -o /proc/nowhere
says err /proc/nowhere
test_that 'what cannot be run has a report that says so, and none of an earlier run; nothing else is touched'
run 0 inspect "$model" -o "$T/report" -q
: >"$T/report/notes.txt"
run 2 check "$model" -o "$T/report" --chunk 0
same "$(ls "$T/report" | paste -sd ' ')" 'junit.xml notes.txt report.html report.json report.sarif report.tap summary.md'
run 3 check "$T/nowhere" -o "$T/report" -q
same "$(ls "$T/report" | paste -sd ' ')" 'junit.xml notes.txt report.html report.json report.sarif report.tap summary.md'
json ".verdict == \"error\" and (.reason | contains(\"$T/nowhere\")) and .subject.path == \"$T/nowhere\" and .findings == []" "$T/report/report.json"
same "$(grep -c '<error' "$T/report/junit.xml")" 1
same "$(grep -c 'tests="1" failures="0" errors="1"' "$T/report/junit.xml")" 2
for file in report.html summary.md; do
    if grep -q "$T/nowhere" "$T/report/$file"; then passed; else failed "$file does not say why"; fi
done
rm "$T/report/report.json"
mkdir "$T/report/report.json"
run 3 check "$model" --golden "$(gold qwen3)" -o "$T/report" -q
says err 'report.json: cannot remove'

test_that 'an OpenBLAS that does not know the processor computes with newer kernels than those of 2004, unless it is told which'
blas() { "$@" "$assay" check "$nano/qwen2" --only inventory --json -q | jq -r .machine.blas; }
if grep -qw avx2 /proc/cpuinfo && grep -qw fma /proc/cpuinfo; then
    case $(blas env -u OPENBLAS_CORETYPE) in
        *Prescott | *Core2 | *Generic | '') failed "it is $(blas env -u OPENBLAS_CORETYPE)" ;;
        *) passed ;;
    esac
fi
same "$(blas env OPENBLAS_CORETYPE=Prescott)" 'OpenBLAS Prescott'
