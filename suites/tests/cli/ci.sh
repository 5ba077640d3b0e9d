# The files for continuous integration.
suite=(--suite "$proof" --golden "$(gold qwen3)")
hurt qwen3 drop layers.1.self_attn.k_norm.weight

test_that 'the files of a run that failed'
"$assay" check "$T/hurt" "${suite[@]}" -o "$T/report" -q --no-diagnose >/dev/null
json '.runs[0].invocations[0].exitCode == 1 and .runs[0].invocations[0].executionSuccessful' "$T/report/report.sarif"
json '[.runs[0].results[] | select(.ruleId == "inventory.absent") | .locations[0].logicalLocations[0].fullyQualifiedName] | index("model.layers.1.self_attn.k_norm.weight")' "$T/report/report.sarif"
json '.runs[0] as $run | [.runs[0].results[] | .ruleId == $run.tool.driver.rules[.ruleIndex].id] | all' "$T/report/report.sarif"
same "$(grep -c '^\(not \)\?ok ' "$T/report/report.tap")" "$(sed -n 's/^1\.\.//p' "$T/report/report.tap")"
same "$(grep -c '^not ok ' "$T/report/report.tap")" "$(jq '[.findings[] | select(.summary and .verdict == "fail")] | length' "$T/report/report.json")"
same "$(grep -c '<failure ' "$T/report/junit.xml")" "$(grep -c '^not ok ' "$T/report/report.tap")"
same "$(sed -n 's/.* hostname="\([^"]*\)".*/\1/p' "$T/report/junit.xml")" "$(uname -n)"
test_that 'fingerprints of two runs are the same'
prints() { jq -c '[.runs[0].results[].partialFingerprints["assayPlace/v1"]] | sort' "$1/report.sarif"; }
"$assay" check "$T/hurt" "${suite[@]}" -o "$T/again" -q --no-diagnose >/dev/null
same "$(prints "$T/again")" "$(prints "$T/report")"
test_that 'they end as the command does'
"$assay" check "$T/hurt" "${suite[@]}" --fail-on broken -o "$T/again" -q --no-diagnose >/dev/null
same "$(jq '.runs[0].invocations[0].exitCode' "$T/again/report.sarif")" $?
"$assay" check "$T/nowhere" -o "$T/again" -q >/dev/null 2>&1
json '.runs[0].invocations[0] | .exitCode == 3 and (.executionSuccessful | not)' "$T/again/report.sarif"
