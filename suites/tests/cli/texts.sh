# How texts that were judged are shown.
cat >"$T/texts.jsonl" <<'END'
{"prompt": "Where is the sun?", "text": "The sun is a star, and it is in the middle of all the planets that we know."}
{"prompt": "Go on: <b>once</b>", "text": "Once there were cats</mark><script> and cats and cats and cats and cats and cats and cats and cats and cats and cats and cats and cats and cats."}
END

test_that 'the terminal names the file, the text at fault and where it goes wrong, and no other text'
run 1 quality "$T/texts.jsonl" -o "$T/report"
says out "quality $T/texts.jsonl"
says out '- line 2: "Go on: <b>once</b>" repetition: '
says out '>>>'
says_not out 'Where is the sun'

test_that 'a page shows both, and no text is markup'
same "$(grep -c 'id="text-' "$T/report/report.html")" 2
same "$(grep -c '<script' "$T/report/report.html")" 0
if grep -q 'title="repetition">' "$T/report/report.html"; then passed; else failed 'nothing is marked'; fi

test_that 'report.json: what lies between the offsets was marked'
json '[.findings[] | select(.text) | .where.case] | sort == ["line 1", "line 2"]' "$T/report/report.json"
json '[.findings[] | .text // empty | .text as $text | .marks[] | $text[.from:.to]] | length > 0 and all(test("cats"))' \
    "$T/report/report.json"
json '[.findings[] | select(.where.case == "line 2" and .text)][0].text.reasons[0].what == "repetition"' "$T/report/report.json"
json '.subject.path | endswith("texts.jsonl")' "$T/report/report.json"

test_that 'junit.xml and summary.md tell of each text, and of the text at fault'
same "$(grep -c '<testcase name="line ' "$T/report/junit.xml")" 2
same "$(grep -c '^| line 2: ' "$T/report/summary.md")" 1
same "$(grep -c '^| line 1: ' "$T/report/summary.md")" 0
