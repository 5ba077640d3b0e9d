# A check that is held against an earlier one: what got worse fails even within its limits.
model=$nano/qwen3
down=model.layers.1.mlp.down_proj.weight
jq '.diagnostics = ["inventory", "logits"] | .limits = {
    "logits.kl": {value: 1, cause: "a test"}, "logits.nmse": {value: 1, cause: "a test"},
    "logits.top1": {value: 1, cause: "a test"}}' "$proof" >"$T/loose.json"
checked() {
    local status=$1
    shift
    run "$status" check "$model" --golden "$(gold qwen3)" --suite "$T/loose.json" "$@"
}
checked 0 --fault scale:$down,1.01 -o "$T/before" -q
before=$T/before/report.json

test_that 'the same again is no worse'
checked 0 --fault scale:$down,1.01 --baseline "$before" --json
equal '[.findings[] | select(.check | startswith("baseline.")) | .check + " " + .verdict] | join(", ")' 'baseline.verdict pass, baseline.checks pass, baseline.places pass, baseline.provenance pass'

test_that 'a divergence that grew fails within its limit, and says what it was'
checked 1 --fault scale:$down,1.06 --baseline "$before" --json
json "$(summary logits.kl) | .verdict == \"pass\""
json "$(summary baseline.logits.kl) | .verdict == \"fail\" and .times > 25 and .times < 50 and .now == .measured and .before < .limit and .check_limit > 1"
json "$(summary baseline.logits.kl).message | test(\"got worse: .* nats, [0-9.]+ times the .* that it was; its limit is 1\")"
json '.reason | contains("got worse")'
json '.severity.level == "harmless" or .severity.level == "degraded"'
checked 0 --fault scale:$down,1.06 --json
checked 1 --fault scale:$down,1.06 --baseline "$before" -o "$T/worse" -q
for file in report.html summary.md junit.xml; do
    if grep -q 'baseline.logits.kl' "$T/worse/$file"; then passed; else failed "$file does not name it"; fi
done

test_that 'what got better does not'
checked 0 --fault scale:$down,1.001 --baseline "$before" --json
json "$(summary baseline.logits.kl) | .verdict == \"pass\" and .change == \"better\""

test_that 'of other gold, another suite, or another model nothing is compared; the rest is judged, and written'
checked 3 --baseline "$T/worse/nowhere.json"
says err "--baseline: $T/worse/nowhere.json"
run 0 check "$model" --golden "$(gold qwen3)" --only inventory -o "$T/suite" -q
checked 3 --baseline "$T/suite/report.json" -o "$T/unable" -q
says err "--baseline $T/suite/report.json: it was made with another suite; nothing was compared with it"
json '.verdict == "error" and (.findings | length) > 5' "$T/unable/report.json"
run 3 check "$nano/qwen2" --golden "$(gold qwen2)" --suite "$T/loose.json" --baseline "$before" -q
says err 'it is about another kind of model: qwen3 with 5 layers and 0 experts, and this one is qwen2 with'
hurt_gold qwen3 meta producer somebody
run 3 check "$model" --golden "$T/gold.safetensors" --suite "$T/loose.json" --baseline "$before" -q
says err 'it was judged by other gold'
run 0 inspect "$model" -o "$T/inspect" -q
checked 3 --baseline "$T/inspect/report.json" -q
says err 'it was made by the command inspect, and this run is of check'

test_that 'what is read does not lie where reports are removed first'
run 0 check "$nano/qwen3" --golden "$(gold qwen3)" --only logits -q -o "$T/kept"
before=$(sha256sum <"$T/kept/report.json")
run 2 check "$nano/qwen3" --golden "$(gold qwen3)" --only logits -q --baseline "$T/kept/report.json" -o "$T/kept"
says err 'lies in the folder of -o'
run 2 diff "$T/kept/report.json" "$T/kept/report.json" -o "$T/kept"
same "$(sha256sum <"$T/kept/report.json")" "$before"

test_that 'baselines chain: what an earlier comparison found is no check'
for index in 1 2 3; do
    run 0 check "$nano/qwen3" --golden "$(gold qwen3)" --only logits --json -q --history "$T/chain.db" --baseline "$T/chain.db"
done
equal '[.findings[].check | select(startswith("baseline.baseline"))] | length' 0
