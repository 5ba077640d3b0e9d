# Two reports side by side.
# report NAME ARGUMENT...: checks qwen3 into $T/NAME/report.json, whatever the verdict.
report() {
    local name=$1
    shift
    run '0|1' check "$nano/qwen3" --suite "$proof" --golden "$(gold qwen3)" -o "$T/$name" -q "$@"
}
report good
report again
report scaled --fault scale:model.layers.1.mlp.down_proj.weight,1.5
report slightly --fault scale:model.layers.1.mlp.down_proj.weight,1.1
report silent --only inventory,layers

test_that 'two runs of the same are the same'
run 0 diff "$T/good/report.json" "$T/again/report.json" --json
equal '[.findings[] | select(.summary) | .check + " " + .verdict] | join(", ")' 'diff.verdict pass, diff.checks pass, diff.places pass, diff.provenance pass'
json "$(summary diff.checks) | .worse == 0 and .new == 0 and .gone == 0 and .same > 20"

test_that 'what got worse fails, with both numbers and the limit, the worst first'
run 1 diff "$T/good/report.json" "$T/scaled/report.json" --json
json '.verdict == "fail" and .command == "diff"'
json "$(summary diff.verdict) | .verdict == \"fail\" and .verdict_before == \"pass\" and .severity_before == \"identical\""
json "$(summary diff.logits.kl) | .verdict == \"fail\" and .before < 1e-9 and .now > 1e-3 and .check_limit > 0 and .verdict_now == \"fail\""
json '[.findings[] | select(.summary and .change == "worse" and .times) | .times] as $times | ($times | length) > 2 and $times == ($times | sort | reverse)'
json '[.findings[] | select(.check == "diff.places" and (.summary | not))] | any(.where.module == "model.layers.1.mlp" and .verdict == "fail" and .of == "layers.isolated")'
json "$(summary diff.provenance).options_now | contains(\"scale:\")"
run 1 diff "$T/good/report.json" "$T/scaled/report.json"
says out 'logits.kl got worse'
says out 'Severity: degraded: divergence'
says out 'nats a token, harmless is up to 0.001, broken is above 1; answers differ'
run 1 diff "$T/slightly/report.json" "$T/scaled/report.json" --json
json "$(summary diff.logits.kl).times | . > 2 and . < 1000"

test_that 'what got better does not'
run 0 diff "$T/scaled/report.json" "$T/slightly/report.json" --json
json "$(summary diff.logits.kl) | .verdict == \"pass\" and .change == \"better\""
run 0 diff "$T/scaled/report.json" "$T/good/report.json" -o "$T/diffed" -q
json "$(summary diff.places) | .gone > 0 and .new == 0" "$T/diffed/report.json"
there "$T/diffed/report.html"

test_that 'what is no longer looked at is skipped, and is no pass for who is strict'
run 1 diff "$T/good/report.json" "$T/silent/report.json" --json
json "$(summary diff.verdict) | .verdict == \"fail\" and .severity_now == \"unknown\""
json "$(summary diff.logits.kl) | .verdict == \"skip\" and .change == \"gone\""
run 0 diff "$T/silent/report.json" "$T/good/report.json" --json
json "$(summary diff.logits.kl) | .verdict == \"pass\" and .change == \"new\""

test_that 'a report that cannot be read is named'
run 3 diff "$T/good/report.json" "$T/nowhere.json"
says err "$T/nowhere.json"
run 3 diff "$T/good/summary.md" "$T/good/report.json"
says err summary.md
run 2 diff "$T/good/report.json"
