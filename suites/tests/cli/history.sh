# A history of runs: many writers, kill -9, a full disk; what it shows, and a check that is held against it.
db=$T/history.db
model=$nano/qwen3
down=model.layers.1.mlp.down_proj.weight
checked() {
    local status=$1
    shift
    run "$status" check "$model" --golden "$(gold qwen3)" --only inventory,logits "$@"
}

test_that 'every judging command records its run'
checked 0 --history "$db" -o "$T/good" -q
run 0 inspect "$model" --history "$db" -q
checked 1 --history "$db" --fault scale:$down,1.5 -q -o "$T/bad"
run 3 check "$T/nowhere" --history "$db" -q
run 0 history "$db" --json
equal '[.runs[] | .command + " " + .verdict] | join(", ")' 'check pass, inspect pass, check fail, check error'
json '.runs[0] | .severity == "identical" and .nats < 1e-9 and .perplexity_ratio > 0.99 and .failed == 0 and .checks > 5 and (.command_line | contains("--history"))'
json '.runs[2] | .nats > 1e-3 and .failed > 0'
json ".runs[3].reason | contains(\"$T/nowhere\")"
json '[.turns[] | [.good, .bad, .mended]] == [[1, 3, null]]'
json '.turns[0].changed | any(.what == "options" and (.now | contains("scale:")))'
run 0 report "$T/good/report.json" --history "$T/old.db" -q
run 0 history "$T/old.db" --json
equal '.runs[0].started' "$(jq -r .started "$T/good/report.json")"

test_that 'a table for people, the newest last; the trend of one check; a page'
run 0 history "$db"
says out 'Run 3 of'
says out 'It has not passed since.'
same "$(sed -n 's/^ *\([0-9][0-9]*\)  .*/\1/p' "$T/out" | tail -n 1)" 4
run 0 history "$db" --check logits.kl
same "$(grep -c ' nats$' "$T/out")" 2
same "$(awk '$1 == 3' "$T/out" | grep -c ' fail ')" 1
run 0 history "$db" --html "$T/page.html"
silent out
same "$(grep -c '<script\|href="http\|src=' "$T/page.html")" 0
same "$(grep -c 'assay check of' "$T/page.html" | sed 's/^[1-9].*/some/')" some
run 3 history "$db" --check logits.lk
says err 'none of its runs has a check logits.lk'
run 0 history "$db" --check logits.kl --html "$T/page.html" --json
json '.check == "logits.kl" and (.runs[0] | .check_verdict == "pass" and .unit == "nats" and .measured < .limit)'

test_that 'text of a report does nothing to a terminal'
jq '.started = "\u001b[31m" | .command = "\u001b[2J\n" | .subject.path = "\u202e\u0007x"' "$T/bad/report.json" >"$T/hostile.json"
run 1 report "$T/hostile.json" --history "$T/hostile.db" -q
for check in '' 'logits.kl'; do
    run 0 history "$T/hostile.db" ${check:+--check $check}
    same "$(grep -c $'[\e\a]' "$T/out")" 0
    same "$(grep -c '^ *1  ' "$T/out")" 1
done

test_that 'a check is held against the last run that it can be compared with, or the last that passed'
checked 1 --baseline "$db:last-pass" --fault scale:$down,1.5 --json
json "$(summary baseline.checks) | .verdict == \"fail\" and (.message | contains(\"$db\"))"
json "$(summary baseline.logits.kl) | .before < 1e-9"
checked 1 --baseline "$db" --fault scale:$down,1.5 --json
json "$(summary baseline.checks) | .verdict == \"pass\" and .same > 5"
checked 0 --baseline "$db" --json
json "$(summary baseline.logits.kl) | .verdict == \"pass\" and .change == \"better\""
run 0 check "$nano/qwen2" --golden "$(gold qwen2)" --only inventory,logits --baseline "$db" --json
json "$(summary baseline.checks) | .verdict == \"skip\" and (.message | contains(\"nothing to compare this run with\"))"
checked 0 --baseline "$T/first.db:last-pass" --history "$T/first.db" --json
json "$(summary baseline.checks) | .verdict == \"skip\""
checked 0 --baseline "$T/first.db:last-pass" --history "$T/first.db" --json
json "$(summary baseline.checks) | .verdict == \"pass\""
checked 3 --baseline "$T/none.db:last-pass" -q
says err "--baseline: $T/none.db"
checked 3 --baseline "$T/good/report.json:last-pass" -q
says err 'not an SQLite database'

test_that 'a run is recorded before anybody reads, who may stop'
early=$T/early.db
"$assay" check "$model" --only inventory --json --history "$early" -q | true
"$assay" report "$T/bad/report.json" --json --history "$early" -q | head -n 1 >"$T/log"
run 0 history "$early" --json
json '.runs | length == 2'

test_that 'what is no history is refused before any work'
for file in "$T/good/report.json" "$T"; do
    run 3 history "$file"
    says err "$file"
    checked 3 --history "$file" -q -o "$T/refused"
    says err "$file"
    json '.verdict == "error" and .findings == []' "$T/refused/report.json"
done
checked 3 --history "$T/no/folder/h.db" -q
says err 'its folder is not there'
run 3 history "$T/none.db"
absent "$T/none.db"

# whole DB N: it has N runs, of as many checks as those of the report that they are of.
checks_there=$(jq '[.findings[] | select(.summary)] | length' "$T/bad/report.json")
whole() {
    run 0 history "$1" --json
    json "(.runs | length) == $2 and all(.runs[]; .checks == $checks_there)"
}
test_that 'of eight writers at once nothing is lost'
many=$T/many.db
for writer in 1 2 3 4 5 6 7 8; do
    for _ in $(seq "$(some 20 5)"); do "$assay" report "$T/bad/report.json" --history "$many" -q; done >/dev/null 2>>"$T/many.err" &
done
wait
same "$(cat "$T/many.err")" ''
whole "$many" $((8 * $(some 20 5)))

test_that 'writers that are killed leave whole runs only'
before=$((8 * $(some 20 5)))
for delay in 001 002 003 004 005 006 007 008 009 010 011 012 013 014 015 016 018 020 025 030; do
    for _ in 1 2; do
        "$assay" report "$T/bad/report.json" --history "$many" -q >/dev/null 2>&1 &
        writer=$!
        sleep 0.$delay
        kill -9 $writer
        wait $writer
    done 2>/dev/null
done
run 0 history "$many" --json
json "(.runs | length) >= $before and (.runs | length) <= $before + 40 and all(.runs[]; .checks == $checks_there)"
before=$(jq '.runs | length' "$T/out")
run 1 report "$T/bad/report.json" --history "$many" -q
whole "$many" $((before + 1))

test_that 'on a full disk the report is written, the error told, and the earlier runs are there'
full=$T/full.db
run 1 report "$T/bad/report.json" --history "$full" -q
for size in 8 12 16 24; do
    (
        failures=0
        ulimit -f $size
        run 3 report "$T/bad/report.json" --history "$full" -q
        says err "$full: the history cannot be written: disk I/O error: File too large"
        exit $failures
    ) || failures=$((failures + 1))
done
whole "$full" 1
rm -rf "$T/report"
(
    failures=0
    ulimit -f 32
    run 3 check "$model" --only inventory --history "$full" -q -o "$T/report"
    says err "$full: the history cannot be written"
    says out 'checks passed'
    exit $failures
) || failures=$((failures + 1))
for file in report.html report.json junit.xml summary.md; do there "$T/report/$file"; done
json '.verdict == "pass"' "$T/report/report.json"
whole "$full" 1
run 1 report "$T/bad/report.json" --history "$full" -q
whole "$full" 2
