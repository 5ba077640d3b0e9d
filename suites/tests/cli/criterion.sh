# assay-suite: what assay check finds as tests of Criterion.
program=$(dirname "$assay")/assay-suite
unset ASSAY_MODEL ASSAY_GOLDEN ASSAY_SUITE CRITERION_OUTPUTS CRITERION_TEST_PATTERN

# tests STATUS ARGUMENT...: run, of assay-suite.
tests() {
    local expected=$1 status
    shift
    command_line="(assay-suite) $*"
    "$program" "$@" --color=never >"$T/out" 2>"$T/err" </dev/null
    status=$?
    if [ "$status" == "$expected" ]; then passed; else failed "exit status $status, not $expected"; fi
}
# Of the TAP: names of the tests that begin so, without times, sorted.
named() { sed -n "s/^$1 - \([^ ]*\).*/\1/p" "$T/tap" | sort | paste -sd ' '; }
skipped() { sed -n 's/^ok - \([^ ]*\) .*# SKIP.*/\1/p' "$T/tap" | sort | paste -sd ' '; }
# Of a report: tests that it calls for, with the verdict: a summary as SUITE::NAME, and a module that is told of by itself.
called() {
    jq -r --arg verdict "$1" '.findings[] | select(.verdict == $verdict) |
        if .summary then (.check | if test("[.]") then sub("[.]"; "::") else "\(.)::\(.)" end)
        elif (.check | test("^layers[.](isolated|propagated)$")) then "\(.check | gsub("[.]"; "_"))::\(.where.module)"
        else empty end' "$2" | sort -u | paste -sd ' '
}
well_formed() { if xmllint --noout "$1" 2>"$T/jq"; then passed; else failed "not well-formed: $(head -n 1 "$T/jq")"; fi; }
model=$nano/thinker golden=$(gold thinker)

test_that 'a model that is right passes every test'
run 0 check "$model" --golden "$golden" -q -o "$T/right"
tests 0 --model "$model" --golden "$golden" --tap="$T/tap" --xml="$T/xml" -j2
same "$(grep -c '^not ok' "$T/tap")" 0
same "$(skipped)" "$(called skip "$T/right/report.json")"
says tap 'ok - layers_isolated::model.layers.4.mlp '
says tap 'ok - layers_propagated::model.layers.0.self_attn.q_norm '
says tap 'ok - logits::kl '
says tap 'ok - greedy::greedy '
says tap "# SKIP $(jq -r "$(summary weights.router).message" "$T/right/report.json")"
well_formed "$T/xml"
same "$(xmllint --xpath 'count(//testcase)' "$T/xml")" "$(jq '[.findings[] | select(.summary)] | length + ([.[].series[]? | select(.name == "places").labels | length] | add)' "$T/right/report.json")"
same "$(xmllint --xpath 'count(//testcase[@status="PASSED"]) > 100' "$T/xml")" true

test_that 'what assay check says fails is what fails'
for fault in missing-norms:2 missing:model.layers.1.mlp.gate.weight; do
    run 1 check "$model" --golden "$golden" --fault "$fault" -q -o "$T/wrong"
    tests 1 --model "$model" --golden "$golden" --no-diagnose --fault "$fault" --tap="$T/tap"
    same "$(named 'not ok')" "$(called fail "$T/wrong/report.json")"
done
run 1 check "$model" --golden "$golden" --set rope_theta=10 --only layers --no-diagnose -q -o "$T/wrong"
tests 1 --tap="$T/tap" --set rope_theta=10 --only=layers --no-diagnose --model="$model" -g "$golden"
same "$(named 'not ok')" "$(called fail "$T/wrong/report.json")"
says tap 'not ok - layers_isolated::model.layers.0.self_attn '
says tap "$(jq -r 'first(.findings[] | select(.check == "layers.isolated" and (.summary | not))).message' "$T/wrong/report.json")"
says tap ' Measured: '
says tap '; limit: '
says tap ' Place: case '
tests 0 --model "$model" -g "$golden" --only layers --fault missing-norms:2 --no-diagnose --filter 'layers_isolated/model.layers.[013].*' --tap="$T/tap"
same "$(named ok | tr ' ' '\n' | grep -c .)" "$(grep -c '^ok' "$T/tap")"
same "$(grep -c '^ok - layers_isolated::model.layers.[013][.].* ([0-9.]*s)$' "$T/tap")" 21

test_that 'what it is asked for stands in the environment, too'
export ASSAY_MODEL=$model ASSAY_GOLDEN=$golden:$(gold thinker) ASSAY_SUITE=quick
tests 0 --list
silent err
says out 'inventory: 10 tests'
says out 'absent'
ASSAY_SUITE=default
tests 0 --list --only=layers
says out 'isolated@thinker'
says out 'isolated@thinker#2'
says out 'model.layers.3.mlp@thinker'
tests 0 --list --only layers --golden "$golden"
same "$(grep -c '@thinker' "$T/out")" 0
same "$(LC_ALL=C.UTF-8 grep -A 43 '^layers_isolated: 43 tests$' "$T/out" | tail -n 1)" '└── model.norm'
tests 3 --model "$T/absent"
says err 'assay-suite: '
says err 'absent: no such file'
unset ASSAY_MODEL ASSAY_GOLDEN ASSAY_SUITE

test_that 'the model is read once, and no test reads any of it'
opened() { sed -n 's/.*openat([^"]*"\([^"]*\)".*/\1/p' "$T/trace" | grep -F "$model" | sort; }
if thorough && strace -f -qq -o "$T/trace" -e trace=openat "$assay" suites >/dev/null 2>&1; then
    strace -f -qq -o "$T/trace" -e trace=openat "$assay" check "$model" --golden "$golden" --threads 1 --no-diagnose --only inventory,layers -q >/dev/null
    opened >"$T/once"
    strace -f -qq -o "$T/trace" -e trace=openat "$program" --model "$model" --golden "$golden" --threads 1 --no-diagnose --only inventory,layers -q -j1
    same "$(opened)" "$(cat "$T/once")"
    same "$(grep -c '/proc/[0-9]*/fd/' "$T/trace")" "$(sed -n 's/^[^ ]* *\([0-9]*\) tests\{0,1\}$/\1/p' <<<"$("$program" --model "$model" --golden "$golden" --no-diagnose --only inventory,layers --list)" | paste -sd + | bc)"
fi

test_that 'of a report, nothing is read but the report'
tests 0 --report "$T/right/report.json" --tap="$T/tap"
same "$(skipped)" "$(called skip "$T/right/report.json")"
jq '(.findings[] | select(.check == "logits.kl" and .summary)) |= (.verdict = "warn" | .message = "It is near its limit.")' "$T/right/report.json" >"$T/near.json"
tests 0 --report "$T/near.json" --filter 'logits/*'
says err '[WARN] It is near its limit.'
jq '(.findings[] | select(.check == "logits.kl" and .summary)) |= (.verdict = "fail" | .message = "<b>]]> \u001b[31m\n </failure> \u202e")' "$T/right/report.json" >"$T/hostile.json"
tests 1 --report "$T/hostile.json" --filter 'logits/kl' --xml="$T/xml"
well_formed "$T/xml"
says xml '<b>]]) '
if LC_ALL=C grep -q $'\x1b' "$T/xml" "$T/err"; then failed 'a control character comes through'; else passed; fi

test_that 'a module beyond those that are told of by themselves fails by its numbers'
jq 'del(.findings[] | select(.summary | not))' "$T/wrong/report.json" >"$T/numbers.json"
tests 1 --report "$T/numbers.json" --tap="$T/tap"
same "$(named 'not ok')" "$(called fail "$T/wrong/report.json")"

test_that 'where nothing can be judged, nothing passes'
tests 1 --model "$model" --only layers --tap="$T/tap"
same "$(named 'not ok')" report::verdict

test_that 'misuse, and help'
tests 2
says err 'assay-suite: which model?'
tests 2 --model "$model" "$model"
says err 'is no option; a model is given with --model'
tests 2 --model "$model" --no-such-option
tests 2 --model "$model" --only nothing
tests 2 --model "$model" --fault nothing
tests 2 --golden
tests 0 --version
tests 0 --help
says out 'Usage: assay-suite [OPTION...] [OPTIONS OF CRITERION]'
says out 'ASSAY_GOLDEN'
says out '--filter=PATTERN'
for option in "-o $T/refused" "--history $T/refused.db" "--baseline $T/right/report.json" "--model $model"; do
    # shellcheck disable=SC2086
    tests 2 --report "$T/right/report.json" $option
    says err '--report checks nothing'
done
absent "$T/refused"
tests 0 --model "$model" --only inventory --history "$T/of_suite.db" --output "$T/of_suite" --quiet
silent err
there "$T/of_suite/report.html"
there "$T/of_suite.db"
tests 0 --man
says out '.SH NAME assay\-suite \- '
tests 3 --report "$model/config.json"
says err 'config.json'
tests 3 --report "$T/absent.json"
says err 'assay-suite: '
"$program" --report "$T/right/report.json" --list >/dev/full 2>"$T/err"
same $? 3
says err 'assay-suite: stdout: cannot write'
