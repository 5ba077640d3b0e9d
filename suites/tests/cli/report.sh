# Reports that are read again.
model=$nano/qwen3
fault=scale:model.layers.1.mlp.down_proj.weight,1.5
# render ARGUMENT...: checks the model into $T/first, and renders its report.json into $T/second.
render() {
    local status=$1
    shift
    rm -rf "$T/first" "$T/second"
    run "$status" check "$model" --golden "$(gold qwen3)" -o "$T/first" "$@"
    mv "$T/out" "$T/text"
    run "$status" report "$T/first/report.json" -o "$T/second" -q
    silent out
    same "$(diff -rq "$T/first" "$T/second")" ''
    run "$status" report "$T/first/report.json"
    same "$(diff "$T/text" "$T/out")" ''
    run "$status" report "$T/first/report.json" --json
    same "$(diff "$T/first/report.json" "$T/out")" ''
}

test_that 'a report that is rendered again is the same, byte for byte'
render 0
diagnoses=yes
render 1 --fault $fault
model=$nano/thinker # whose gold this is not
if thorough; then
    render 1
    (
        export SOURCE_DATE_EPOCH=1700000000
        model=$nano/qwen3
        render 0
        render 1 --fault $fault
        exit $failures
    ) || failed 'with SOURCE_DATE_EPOCH'
fi
diagnoses=

test_that 'every figure says how it is read'
# explained FOLDER COUNT: the report.html there has so many figures and tables at least, each with words.
explained() {
    [ "$(grep -c '<figcaption>' "$1/report.html")" -ge "$2" ] || failed "fewer than $2 figures in $1"
    same "$(grep '<figcaption>' "$1/report.html" | grep -v 'class="how"')" ''
}
run 1 check "$nano/thinker" --golden "$(gold thinker)" --text suites/data/text/english.txt --source "$nano/thinker" --fault missing-experts:1/2-3 -o "$T/whole" -q
explained "$T/whole" 20
# those that no report here happens to have
calls=$(cat diagnostics/*.c diagnostics/*/*.c | tr -s ' \n' ' ' | grep -o 'finding_series([^,]*, [^,]*,' | grep -v '(struct finding')
[ "$(wc -l <<<"$calls")" -ge 19 ] || failed "only these figures were found: $calls"
while read -r name; do
    case $name in
        *_SERIES) name=$(grep -rh "#define $name " diagnostics | cut -d' ' -f3) ;;
    esac
    if grep -qF "    {$name," reports/html_figures.c; then passed; else failed "reports/html_figures.c does not say how the figure $name is read"; fi
done < <(sed 's/.*, \(.*\),$/\1/' <<<"$calls")

test_that 'the folder of the report may be that of the document, and a failure leaves it as it is'
run 1 check "$nano/qwen3" --golden "$(gold qwen3)" --fault $fault -o "$T/first" -q
cp -r "$T/first" "$T/kept"
run 1 report "$T/first/report.json" -o "$T/first" -q
same "$(diff -rq "$T/first" "$T/kept")" ''
run 3 report "$T/first/summary.md" -o "$T/first" -q
says err summary.md
same "$(diff -rq "$T/first" "$T/kept")" ''

test_that 'of two that write to one folder, one waits for the other'
exec 9<"$T/first"
flock 9
"$assay" inspect "$nano/qwen2" -o "$T/first" -q >"$T/out" 2>"$T/err" 9<&- &
until [ ! -e /proc/$! ] || readlink /proc/$!/fd/* 2>/dev/null | grep -qx "$T/first"; do :; done
json '.command == "check"' "$T/first/report.json"
flock -u 9
exec 9<&-
wait $!
same $? 0
json '.command == "inspect"' "$T/first/report.json"
cp "$T/kept"/* "$T/first"

test_that 'the status is that of the verdict, as --fail-on has it'
run 1 report "$T/first/report.json" -q
run 0 report "$T/first/report.json" -q --fail-on broken
run 3 check "$T/nowhere" -o "$T/unable" -q
run 3 report "$T/unable/report.json" -q
says err "$T/nowhere"

test_that 'what is no report is refused, and named'
run 3 report "$T/nowhere.json"
says err "$T/nowhere.json"
run 3 report "$nano/qwen3/config.json"
says err 'no report of assay'
jq '.assay_report = 2' "$T/first/report.json" >"$T/two.json"
run 3 report "$T/two.json"
says err "$T/two.json: the report is of version 2 of its format"
jq '.findings[3].limit = "much"' "$T/first/report.json" >"$T/two.json"
run 3 report "$T/two.json"
says err "$T/two.json, finding 3: \"limit\" should be a number"
head -c 5000 "$T/first/report.json" >"$T/two.json"
run 3 report "$T/two.json"
says err truncated

test_that 'a layer without experts is shown with none'
run "0|1" check "$nano/glm4_moe" --golden "$(gold glm4_moe)" --only layers -q -o "$T/dense_layer"
cp "$T/dense_layer/report.html" "$T/page"
says page 'layer 0, experts 0-7: the layer has none, or gold holds none'
says page 'layer 1, experts 0'
says_not page 'layer 1, experts 0-7: the layer has none'
