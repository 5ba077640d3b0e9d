# Models that cannot be computed: all that needs no engine works on them. A nano model under another name; another rope type.
U=$T/unknown

# as_family MODEL FAMILY: a copy of a nano model in $U that says to be of that family.
as_family() { as_config "$1" ".model_type = \"$2\""; }
# as_config MODEL EDIT: the same with its configuration edited by jq.
as_config() {
    rm -rf "$U"
    cp -r "$nano/$1" "$U"
    jq "$2" "$nano/$1/config.json" >"$U/config.json"
}
# hurt_unknown EDIT...: a damaged copy of $U in $T/hurt.
hurt_unknown() {
    rm -rf "$T/hurt"
    "$damage" "$U" "$T/hurt" "$@" || failed 'damage failed'
}

test_that 'of a family that is not known: inspect warns, and nothing is condemned'
for family in stablelm made_up_9; do
    as_family llama "$family"
    run 0 inspect "$U" --values --json
    json '.verdict == "warn" and .subject.model_type == "'"$family"'"'
    json "$(summary inventory.computable) | .verdict == \"warn\" and (.message | startswith(\"$family is not a family that assay computes\"))"
    json '[.findings[] | select(.verdict == "fail")] == [] and [.findings[] | select(.verdict == "warn") | .check] == ["inventory.computable"]'
    json '[.findings[] | select(.verdict == "pass") | .check] | contains(["inventory.absent", "inventory.shape", "inventory.dtype",
        "inventory.duplicates", "inventory.files", "weights.finite", "weights.constant", "weights.identical", "weights.magnitude"])'
    json '[.findings[] | select(.verdict == "skip") | .check] | contains(["inventory.extra", "inventory.misnamed", "weights.pairs"])'
done
run 0 inspect "$U"
says out 'made_up_9 is not a family that assay computes (assay families lists them); its tensors are those of llama, and --set'
says out 'model_type=llama computes it as one, which is for gold to judge'
says out 'Nothing is computed; files, names and shapes are checked all the same, each layer beside the others.'
test_that 'a configuration that names no family'
as_config qwen3 'del(.model_type)'
run 0 inspect "$U" --json
json "$(summary inventory.computable).message | contains(\"names no \\\"model_type\\\"\")"

test_that 'damage is caught all the same'
as_family qwen3_moe made_up_9
run 0 inspect "$U" --values --json
json '[.findings[] | select(.verdict == "fail")] == []'
hurt_unknown drop layers.2.self_attn.k_norm.weight drop layers.1.mlp.experts.3.up_proj.weight
run 1 inspect "$T/hurt" --json
equal '[.findings[] | select(.check == "inventory.absent" and (.summary | not)) | .where.tensor] | sort | join(" ")' \
    'model.layers.1.mlp.experts.3.up_proj model.layers.2.self_attn.k_norm'
hurt_unknown nan layers.1.mlp.experts.4.down_proj.weight 2 1
run 1 inspect "$T/hurt" --values --json
json "$(summary weights.finite) | .verdict == \"fail\" and .measured == 1"
hurt_unknown zero layers.1.self_attn.o_proj.weight
run 1 inspect "$T/hurt" --values --json
json "$(summary weights.constant).verdict == \"fail\""
hurt_unknown shape layers.2.self_attn.k_norm.weight 7
run 1 inspect "$T/hurt" --json
json "$(summary inventory.shape).verdict == \"fail\""
test_that 'a tensor that is there twice'
run 0 extract "$U" "$T/twice" -q
cp "$T/twice/norms/thinker_norms_layer_01.safetensors" "$T/twice/norms/other.safetensors"
run 1 inspect "$T/twice" --json
json "$(summary inventory.duplicates) | .verdict == \"fail\" and .measured == 2"

test_that 'one rope type, activation or kind of layer more: what must be there is known'
for edit in '.rope_scaling = {"rope_type": "proportional", "factor": 4.0}' '.rope_scaling = {"type": "su", "factor": 2.0}' \
    '.rope_parameters = {"rope_type": "other", "long_factor": [1, 2], "factor": "x"}' '.hidden_act = "xielu"' \
    '.use_sliding_window = true | .layer_types = [range(.num_hidden_layers) | "chunked_attention"]'; do
    as_config qwen3 "$edit"
    run 0 inspect "$U" --values --json
    json "$(summary inventory.computable) | .verdict == \"warn\" and (.message | startswith(\"assay does not compute \"))"
    json "$(summary inventory.absent) | .verdict == \"pass\" and .expected > 10"
    json '[.findings[] | select(.verdict != "pass") | .check] | unique == ["inventory.computable"]'
done
hurt_unknown drop model.norm.weight
run 1 inspect "$T/hurt" --json
json "$(summary inventory.absent) | .verdict == \"fail\" and .measured == 1"
says out 'model.norm.weight'

test_that 'check: what needs the engine is skipped, the rest is judged, and a report is written'
as_config qwen3 '.rope_scaling = {"rope_type": "proportional", "factor": 4.0}'
run 0 check "$U" -o "$T/report" --json -q
json '[.findings[] | select(.verdict == "fail")] == []'
json "[$(summary layers.propagated), $(summary logits.kl), $(summary greedy), $(summary perplexity), $(summary lens), $(summary text.verdict) |
    .verdict] == [\"skip\", \"skip\", \"skip\", \"skip\", \"skip\", \"skip\"]"
json "$(summary layers.propagated).message | contains(\"inventory.computable says why\")"
there "$T/report/report.html"
test_that 'with gold nothing could be compared: exit status 3, after all that could be told'
for family in llama made_up_9; do
    as_config llama ".model_type = \"$family\" | .rope_scaling = {\"rope_type\": \"proportional\", \"factor\": 4.0}"
    rm -rf "$T/report"
    run 3 check "$U" --golden "$(gold llama)" -o "$T/report" --json -q
    says err 'nothing could be compared with gold'
    json "$(summary weights.finite).verdict == \"pass\"" "$T/report/report.json"
    json "$(summary tokens.ids).verdict == \"pass\"" "$T/report/report.json"
    json '.verdict == "error" and (.reason | contains("nothing could be compared with gold"))' "$T/report/report.json"
    same "$(grep -c '<error' "$T/report/junit.xml")" 1
    run 3 compare "$(gold llama)" "$U" -q
    says err 'nothing could be compared with gold'
done
test_that 'something that fails is told by the exit status'
hurt_unknown nan layers.1.mlp.up_proj.weight 0 0
run 1 check "$T/hurt" --golden "$(gold llama)" -q

test_that 'what computes refuses, and says why'
as_family llama made_up_9
for command in "generate $U --prompt Hello" "trace $U --ids 1,2,3 -o $T/trace.safetensors" "bench $U" \
    "perplexity $U --text suites/data/text/english.txt"; do
    # shellcheck disable=SC2086
    run 3 $command -q
    says err 'made_up_9 is not a family that assay computes'
done

test_that 'what must land is not known'
run 0 extract "$U" "$T/landed" -q
run 3 watch "$T/landed" --once -q
says err 'made_up_9 is not a family that assay computes'
as_config llama '.hidden_act = "xielu"'
cp "$U/config.json" "$T/landed"
run 0 watch "$T/landed" --once -q

test_that 'roots, extractions, proofs and repairs'
for edit in '.model_type = "made_up_9"' '.rope_scaling = {"rope_type": "proportional", "factor": 4.0}' '.hidden_act = "relu2"'; do
    as_config qwen3_moe "$edit"
    rm -rf "$T/x"
    run 0 verify "$U" --root
    root=$(cut -d ' ' -f 1 "$T/out")
    run 0 extract "$U" "$T/x" -q
    run 0 verify "$T/x" --json -q
    json '.verdict == "pass"'
    run 0 verify "$T/x" --source "$U" --json -q
    json '.verdict == "pass"'
    run 0 verify "$T/x" --root
    same "$(cut -d ' ' -f 1 "$T/out")" "$root"
    rm "$T/x/experts/thinker_expert_003_layer_01.safetensors" "$T/x/norms/thinker_norms_layer_02.safetensors"
    run 1 verify "$T/x" --source "$U" -q
    run 0 repair "$T/x" --source "$U" -q
    run 0 verify "$T/x" --source "$U" -q
    run 0 tokenize "$U" 'Hello world'
done
test_that 'a source that lacks what its peers have is no whole one'
as_family qwen3_moe made_up_9
hurt_unknown drop layers.2.self_attn.k_norm.weight
run 3 extract "$T/hurt" "$T/less" -q
says err "is not whole: 1 tensor that others of their kind have is absent; the first: 'model.layers.2.self_attn.k_norm'"
test_that 'names of another architecture: one file for each layer and kind'
as_family qwen3 made_up_9
hurt_unknown $(for layer in 0 1 2 3 4; do
    printf 'rename model.layers.%d.self_attn.q_proj.weight transformer.blocks.%d.attn.Wqkv.weight ' $layer $layer
    printf 'rename model.layers.%d.input_layernorm.weight transformer.blocks.%d.ln_a.weight ' $layer $layer
done)
run 0 inspect "$T/hurt" -q
rm -rf "$T/x"
run 0 extract "$T/hurt" "$T/x" -q
run 0 verify "$T/x" --source "$T/hurt" -q
for layer in 0 1 2 3 4; do
    json "[.tensors[] | select(.name == \"transformer.blocks.$layer.attn.Wqkv.weight\") | .file] == [\"attention/thinker_attention_layer_0$layer.safetensors\"]" \
        "$T/x/extraction_manifest.json"
done

test_that 'two dumps of a family that is not known are compared by their tensors'
hurt_gold llama submeta config '"llama"' '"made_up_9"'
cp "$T/gold.safetensors" "$T/first.safetensors"
run 0 compare "$T/first.safetensors" "$T/gold.safetensors" --json
json "[$(summary layers.propagated), $(summary logits.kl), $(summary greedy) | .verdict] == [\"pass\", \"pass\", \"pass\"]"
run 0 compare "$(gold llama)" "$T/gold.safetensors" --json
"$damage" "$T/first.safetensors" "$T/gold.safetensors" scale ids-2/model.layers.1.mlp 1.02
run 1 compare "$T/first.safetensors" "$T/gold.safetensors" --json
equal "$first_bad" 1
hurt_gold llama submeta config '"hidden_act": "silu"' '"hidden_act": "gelu"'
run 0 compare "$T/gold.safetensors" "$T/gold.safetensors" --json
json "$(summary layers.propagated).verdict == \"pass\""

test_that 'modules that assay knows by their paths only'
renames=()
for case in ids-2 prompt-0 prompt-1; do
    for layer in 0 1 2; do
        for module in self_attn mlp; do
            renames+=(rename "$case/model.layers.$layer.$module" "$case/transformer.h.$layer.$module")
        done
    done
done
"$damage" "$T/first.safetensors" "$T/renamed.safetensors" "${renames[@]}" unmeta noise || failed 'damage failed'
run 0 compare "$T/renamed.safetensors" "$T/renamed.safetensors" --json
json "$(summary layers.modules) | .verdict == \"pass\" and .compared == 18"
json "$(summary gold.compared).verdict == \"pass\""
"$damage" "$T/renamed.safetensors" "$T/gold.safetensors" scale ids-2/transformer.h.1.mlp 1.02 scale prompt-0/transformer.h.2.self_attn 1.02
run 1 compare "$T/renamed.safetensors" "$T/gold.safetensors" --json
json "$(summary layers.modules) | .verdict == \"fail\" and .measured == 2"
equal '[.findings[] | select(.check == "layers.modules" and (.summary | not)) | .where.module] | join(" ")' \
    'transformer.h.1.mlp transformer.h.2.self_attn'
json "$(summary layers.propagated).verdict == \"pass\""
"$damage" "$T/renamed.safetensors" "$T/gold.safetensors" nan ids-2/transformer.h.1.mlp 0 0
run 1 compare "$T/renamed.safetensors" "$T/gold.safetensors" --json
json "$(summary layers.modules) | .verdict == \"fail\" and .measured == 1"
test_that 'what only one of two dumps holds is told, not compared'
"$damage" "$T/renamed.safetensors" "$T/gold.safetensors" drop ids-2/transformer.h.1.mlp
run 0 compare "$T/renamed.safetensors" "$T/gold.safetensors" --json
json "$(summary layers.modules) | .verdict == \"pass\" and .compared == 17"
json "$(summary gold.compared) | .verdict == \"warn\" and .measured == 1"
