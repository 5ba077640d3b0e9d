# Help, misuse, and what cannot be read.
commands='check inspect trace compare perplexity generate tokenize bench extract break watch verify repair'
model=$nano/qwen3

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
for option in -h --help help; do
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
    misuse $command
    misuse $command --nonsense "$model"
    says err nonsense
done
for command in check inspect perplexity bench; do
    misuse $command "$model" "$model" "$model"
done
for command in check inspect trace compare perplexity bench; do
    misuse $command "$model" --threads 0
    misuse $command "$model" --threads x
    misuse $command "$model" --threads 99999999
    misuse $command "$model" --memory lots
    misuse $command "$model" --cache-experts 0
    misuse $command "$model" --cache-experts many
    misuse $command "$model" --missing perhaps
    misuse $command "$model" --config
done
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

test_that 'an output folder that cannot be made: exit 3, and the result is not lost'
: >"$T/file"
run 3 check "$model" --golden "$(gold qwen3)" -o "$T/file"
says err "$T/file"
run 3 check "$model" --golden "$(gold qwen3)" -o "$T/file/below"
says err "$T/file"
run 3 check "$model" --golden "$(gold qwen3)" -o /proc/nowhere
says err /proc/nowhere
test_that 'a run that fails leaves no report of an earlier run, and touches nothing else'
run 0 inspect "$model" -o "$T/report" -q
: >"$T/report/notes.txt"
run 2 check "$model" -o "$T/report" --chunk 0
same "$(ls "$T/report" | paste -sd ' ')" 'junit.xml notes.txt report.html report.json summary.md'
run 3 check "$T/nowhere" -o "$T/report" -q
same "$(ls "$T/report")" notes.txt
mkdir "$T/report/report.json"
run 3 check "$model" --golden "$(gold qwen3)" -o "$T/report" -q
says err 'report.json: cannot remove'
