# Gold and subjects of few bits. suites/data/precision holds gold that transformers computed in bfloat16 and float16, as on a GPU.
L=model.layers
few=suites/data/precision
model_of() { if [ "$1" = thinker-48 ]; then echo golden/thinker-48; else echo "$nano/$1"; fi; }
known="$(summary gold.precision)"

for dump in $(some 4 llama.bfloat16 qwen2.float16 qwen3_moe.bfloat16 thinker.bfloat16 thinker-48.bfloat16); do
    dtype=${dump#*.}
    test_that "an intact model passes against gold of a $dtype run: ${dump%.*}"
    run 0 check "$(model_of "${dump%.*}")" --suite "$proof" --golden "$few/$dump.golden.safetensors" --json -q
    json "$known | .verdict == \"pass\" and .dtype == \"$dtype\" and .measured > 1e-4 and .measured < 0.5 and (.message | test(\"no more precise than $dtype .it was computed in it\"))"
    json '[.findings[] | select(.verdict == "fail" or (.verdict == "warn" and (.check | startswith("layers."))))] == []'
    json "$(summary layers.isolated) | .verdict == \"pass\" and .limit > 3e-4 and .limit < 0.05"
done

# 2 % of one matrix, or of one gain, is still found, and nothing else is blamed.
for dump in $(some 2 llama.bfloat16 thinker.bfloat16 qwen2.float16 qwen3_moe.bfloat16); do
    for damaged in $(some 2 self_attn.o_proj:self_attn input_layernorm:input_layernorm self_attn.v_proj:self_attn); do
        test_that "2 % of ${damaged%:*} against gold of $dump"
        run 1 check "$(model_of "${dump%.*}")" --suite "$proof" --golden "$few/$dump.golden.safetensors" \
            --fault "scale:$L.2.${damaged%:*}.weight,1.02" --json -q
        blames "$L.2.${damaged#*:}"
    done
done
test_that 'experts at rows of the router that are others'"'"', against gold of a bfloat16 run'
run 1 check "$nano/qwen3_moe" --suite "$proof" --golden "$few/qwen3_moe.bfloat16.golden.safetensors" --fault swap-router-rows:1,0,1 --json -q
blames $L.1.mlp.gate
test_that 'two layers exchanged, against gold of a bfloat16 run'
if thorough; then # as the smaller models above
    run 1 check golden/thinker-48 --suite "$proof" --golden "$few/thinker-48.bfloat16.golden.safetensors" --fault swap-layers:10,20 --json -q
    json "$(summary layers.isolated) | .verdict == \"fail\" and .measured > 0.3"
    json "[.findings[] | select(.check == \"layers.isolated\" and (.summary | not)) | .where.layer] | unique == [10, 20]"
fi

for model in $(some 2 qwen3 thinker llama mixtral); do
    for dtype in $(some 1 BF16:bfloat16 F16:float16); do
        test_that "gold of $model whose values were rounded to ${dtype#*:} and are stored as float32"
        hurt_gold "$model" cast all "${dtype%:*}" cast all F32
        run 0 check "$nano/$model" --suite "$proof" --golden "$T/gold.safetensors" --json -q
        json "$known | .verdict == \"pass\" and .dtype == \"${dtype#*:}\" and (.message | test(\"use no other bits\"))"
        json "$(summary layers.isolated).verdict == \"pass\""
        run 1 check "$nano/$model" --suite "$proof" --golden "$T/gold.safetensors" --fault "scale:$L.2.self_attn.o_proj.weight,1.02" --json -q
        blames $L.2.self_attn
        test_that "the same in place of what the subject computed: $model ${dtype#*:}"
        run 0 compare "$(gold "$model")" "$T/gold.safetensors" --json -q
        json "$known | .message | test(\"^The subject's values are no more precise than ${dtype#*:}\")"
    done
done

for model in $(some 1 qwen3 llama qwen2); do
    for dtype in $(some 1 BF16 F16); do
        test_that "a good $dtype copy of $model, against gold of the original"
        hurt "$model" cast all "$dtype"
        check 0 "$model"
        json "$(summary weights.precision) | .verdict == \"warn\" and .dtype == \"$dtype\" and .measured > 1e-4"
        json ".reason | test(\"^The weights are $dtype, gold was computed from more precise ones\")"
        json '[.findings[] | select(.check == "layers.isolated" and (.summary | not))] == []'
        test_that "a $dtype copy of $model that is damaged too"
        hurt "$model" cast all "$dtype" scale layers.2.self_attn.o_proj.weight 1.02
        check 1 "$model"
        blames $L.2.self_attn
        test_that "a $dtype copy of another model than $model"
        hurt "$model" scale embed_tokens.weight 1.3 cast all "$dtype"
        check 1 "$model"
        json '[.findings[] | select(.check == "weights.precision")] == []'
    done
done
