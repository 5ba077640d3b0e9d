# Judging texts: exit statuses, forms of output, input that is wrong.
data=suites/data/quality
good='{"text": "The house stands on a hill, and she lives there with her brother."}'
bad='{"prompt": "Go on:", "text": "InTheInTheInTheInTheInTheInTheInTheInTheInThe"}'
brief='{"text": "Paris."}'
lines() { printf '%s\n' "$@" >"$T/lines.jsonl"; }
# of finding N of a check, the summary being 0
of_check() { printf '([.findings[] | select(.check == "%s")][%d])' "$1" "$2"; }

test_that 'a good text passes, gibberish fails, a short one is told'
lines "$good" "$brief"
run 0 quality "$T/lines.jsonl" --json -q
json "[.findings[] | select(.check == \"text.verdict\" and .where.case) | [.where.case, .fact_verdict, .verdict]] | sort == [[\"line 1\", \"no fault found\", \"pass\"], [\"line 2\", \"too short to tell\", \"skip\"]]"
json '[.findings[] | select(.check == "text.verdict" and .where.case == "line 1")][0] | .evidence_bits < .evidence_limit'
lines "$good" "$bad"
run 1 quality "$T/lines.jsonl"
says out 'repetition'
lines "$brief"
run 0 quality "$T/lines.jsonl" --json -q
equal "$(of_check text.verdict 0).verdict" skip

test_that 'the story: all four texts of the broken model, and no other'
run 1 quality "$data/story.jsonl" --json -q
equal '[.findings[] | select(.check == "text.verdict" and .where.case and .verdict == "fail") | .where.case] | join(" ")' \
    'line 1 line 2 line 3 line 4'
json "$(of_check text.verdict 0) | .summary and .measured == 4 and .limit == 0 and .texts == 32"
for line in 1:language 2:repetition '3:language|repetition' 4:repetition; do
    json "[.findings[] | select(.check == \"text.verdict\" and .where.case == \"line ${line%%:*}\")][0].reason | test(\"^(${line#*:})$\")"
done

test_that 'the document is a report as the schema has it'
schema=reports/report.schema.json
for where in '.' '.machine' '.subject'; do
    at=$([ "$where" == . ] && echo .properties || echo ".properties$where.properties")
    same "$(jq -r "$where | keys[]" "$T/out" | grep -vxFf <(jq -r "$at | keys[]" "$schema"))" ''
done
same "$(jq -r '.required[]' "$schema" | grep -vxFf <(jq -r 'keys[]' "$T/out"))" ''
required=$(jq -c '.["$defs"].finding.required' "$schema")
json "all(.findings[]; . as \$finding | all(${required}[]; . as \$key | \$finding | has(\$key)))"
json 'all(.findings[]; (.verdict | IN("pass", "warn", "fail", "skip")) and (.summary | type) == "boolean" and (.message | type) == "string")'
json 'all(.findings[] | to_entries[] | select(.key | IN("check", "verdict", "summary", "message", "where", "text", "series") | not); .value | type | IN("number", "string"))'
equal '.command' quality
equal '.assay_report' 1

test_that 'what takes kilobytes for each line is bounded by lines'
head -c 524289 /dev/zero | tr '\0' '\n' >"$T/many.jsonl"
run 3 quality "$T/many.jsonl" -q
says err "$T/many.jsonl: has 524289 lines; at most 524288 are judged at once"

test_that 'a table: a header, and one row for each text, all of the same length'
run 1 quality "$data/story.jsonl" --csv -q
same "$(wc -l <"$T/out")" 33
says out 'line,verdict,reason,rule,onset,language,windows,bits,limit,characters.printable'
same "$(awk -F, '{ print NF }' "$T/out" | sort -u | wc -l)" 1
same "$(awk -F, '$2 == "gibberish" { print $1 }' "$T/out" | paste -sd ' ')" '1 2 3 4'
same "$(awk -F, 'NR > 1 { print $1 }' "$T/out" | paste -sd ' ')" "$(seq 32 | paste -sd ' ')"
run 2 quality "$data/story.jsonl" --csv --json

test_that 'windows: a row for the whole text and for each window, one kind each'
jq -nc '{text: ("The house stands on a hill. " * 1 + "\n\n```c\nint a = 1;\nint b = a + 2;\nreturn a * b;\n```\n\nShe lives there with her brother.")}' >"$T/lines.jsonl"
run 0 quality "$T/lines.jsonl" --csv --windows -q
same "$(cut -d, -f1,2 "$T/out" | paste -sd ' ')" 'line,kind 1,whole 1,prose 1,code 1,prose'
run 2 quality "$T/lines.jsonl" --windows
jq '.window = {"words": 10, "characters": 40}' suites/quality.json >"$T/rules.json"
run 0 quality "$T/lines.jsonl" --csv --windows -q --rules "$T/rules.json"
same "$(grep -c ,prose, "$T/out")" 2
same "$(grep -c ,code, "$T/out")" 2
run 3 quality "$T/lines.jsonl" --csv --windows -q --rules "$T/nowhere.json"

test_that 'how many right texts may be condemned is a number of the rules; a table of evidence may be another'
lines '{"text": "It is what it is and what it was is what it is not, for what is it if it is not what it was and is."}'
jq '.evidence.alarms = 0.9' suites/quality.json >"$T/rules.json"
run 1 quality "$T/lines.jsonl" -q --rules "$T/rules.json"
jq '.evidence.alarms = 2' suites/quality.json >"$T/rules.json"
run 3 quality "$T/lines.jsonl" -q --rules "$T/rules.json"
says err alarms
jq '.evidence.table = "mine.json"' suites/quality.json >"$T/rules.json"
run 3 quality "$T/lines.jsonl" -q --rules "$T/rules.json"
says err mine.json
lines "$good"
echo '{"base": -3, "alarms": [[0.1, 0], [0.001, 1]], "trees": [["words", 5, 0, 9]]}' >"$T/mine.json"
run 1 quality "$T/lines.jsonl" -q --rules "$T/rules.json"
echo '{"base": -30, "alarms": [[0.1, 0], [0.001, 1]], "trees": [["words", 5, 9, 0]]}' >"$T/mine.json"
run 0 quality "$T/lines.jsonl" -q --rules "$T/rules.json"

test_that 'standard input, empty lines, line ends of other systems'
command_line='quality - <lines'
printf '\n  \n%s\r\n\n%s' "$good" "$bad" | "$assay" quality - --csv -q >"$T/out" 2>"$T/err"
same $? 1
same "$(awk -F, 'NR > 1 { print $1 ":" $2 }' "$T/out" | paste -sd ' ')" '3:no fault found 5:gibberish'
"$assay" quality - -q </dev/null >"$T/out" 2>"$T/err"
same $? 3
silent out

test_that 'input that is wrong is told with file and line, and nothing is judged'
wrong() { # TEXT-OF-THE-ERROR LINE...
    local words=$1
    shift
    lines "$@"
    run 3 quality "$T/lines.jsonl" --json
    says err "lines.jsonl: line $#"
    says err "$words"
    silent out
}
wrong '' "$good" '{"text": "cut'
wrong '' "$good" '{"text": "a"} {"text": "b"}'
wrong 'object' '["a text"]'
wrong '"text"' "$good" "$good" '{"prompt": "no text"}'
wrong 'text' '{"text": 3}'
wrong 'prompt' '{"prompt": 3, "text": "a"}'
wrong 'klingon' "$good" '{"text": "a", "expects": {"language": "klingon"}}'
wrong 'poem' '{"text": "a", "expects": {"poem": true}}'
wrong "pattern '('" "$good" '{"text": "a", "expects": {"matches": ["("]}}'
wrong 'expects' '{"text": "a", "expects": []}'
: >"$T/empty.jsonl"
run 3 quality "$T/empty.jsonl"
says err empty.jsonl
run 3 quality "$T/absent.jsonl"
says err absent.jsonl
run 3 quality "$T"
run 2 quality
run 2 quality "$T/empty.jsonl" more

test_that 'what a prompt asks for counts'
lines '{"prompt": "The capital of France is", "text": "Paris.", "expects": {"matches": ["(?i)paris"]}}'
run 0 quality "$T/lines.jsonl" -q
lines '{"prompt": "The capital of France is", "text": "Rome.", "expects": {"matches": ["(?i)paris"]}}'
run 1 quality "$T/lines.jsonl" --json -q
json '[.findings[] | select(.check == "text.expected" and .where.case)][0].rule == "expected.matches"'
lines '{"text": "InTheInTheInTheInTheInTheInTheInThe", "expects": {"may_repeat": true, "code": true}}'
run 0 quality "$T/lines.jsonl" -q

test_that 'other rules, other verdicts'
jq '.evidence.alarms = 0 | .rules |= map(select(.rule | startswith("repetition.") | not))' suites/quality.json >"$T/rules.json"
lines '{"text": "No no no no no no no."}'
run 1 quality "$T/lines.jsonl" -q
run 0 quality "$T/lines.jsonl" -q --rules "$T/rules.json"
run 1 quality "$T/lines.jsonl" -q --rules suites/quality.json
jq '.rules[3].when = {"words.of.wisdom": ">= 1"}' suites/quality.json >"$T/rules.json"
run 3 quality "$T/lines.jsonl" -q --rules "$T/rules.json"
says err rules.json
says err words.of.wisdom
says err "$(jq -r '.rules[3].rule' suites/quality.json)"
run 3 quality "$T/lines.jsonl" --rules "$T/nowhere.json"
says err nowhere.json

test_that 'a report is written'
rm -rf "$T/report"
lines "$good" "$bad"
run 1 quality "$T/lines.jsonl" -o "$T/report" --json -q
for file in report.json report.html junit.xml report.sarif report.tap summary.md; do there "$T/report/$file"; done
same "$(jq -S '.findings' "$T/report/report.json")" "$(jq -S '.findings' "$T/out")"

test_that 'a text of 1 MiB'
jq -nc --argjson times "$(thorough && echo 43690 || echo 4369)" '{text: ("The cat sat on the mat. " * $times + "and was glad.")}' >"$T/long.jsonl"
run 1 quality "$T/long.jsonl" --csv -q
says out repetition
test_that 'hostile texts stay data'
lines '{"prompt": "\u0000\u001b[31m<script>", "text": "\u001b[31m \ud83d <script>alert(1)</script> %s%n \u0007\u0007\u0007"}'
run '1|3' quality "$T/lines.jsonl"
same "$(grep -c $'\e' "$T/out" "$T/err" | cut -d: -f2 | paste -sd ' ')" '0 0'
