# Short of memory, and with a disk that fails: an error that says so, never a signal, a wrong blame, or half a result. A library that is
# loaded before the C library's makes one call fail; which ones is a sample, always the same, over all that a command makes.
library=$(dirname "$damage")/libshortage.so
if [ ! -e "$library" ]; then
    echo 'skipped: sanitizers have an allocator of their own'
    return 0
fi
S=$T/short
export OPENBLAS_NUM_THREADS=1
mkdir "$S"
printf '{"text": "%s"}\n' 'The harbour lay quiet under a low sun, and nobody spoke.' 'a a a a a a a a a a a a a a a a' >"$S/texts.jsonl"
"$assay" extract "$nano/qwen3" "$S/intact" -q >"$T/out" 2>"$T/err" || failed 'extract failed'

# ends STATUS: whether a command that was short of something may end so.
ends() {
    command_line="SHORTAGE=$shortage $*"
    case $status in
        0 | 1) passed ;;
        3)
            if [ ! -s "$T/err" ]; then failed 'it does not say why'; fi
            for blame in malformed truncated 'get it again'; do says_not err "$blame"; done
            ;;
        *) failed "exit status $status" ;;
    esac
}
# shortages SAMPLES ARGUMENT...: as many of each kind of call fail, one after the other.
shortages() {
    local samples=$1 kind calls at
    shift
    before
    SHORTAGE=count SHORTAGE_TO=$S/calls LD_PRELOAD=$library "$assay" "$@" >"$T/out" 2>"$T/err"
    same "$(wc -l <"$S/calls")" 6
    while read -r kind calls; do
        for ((at = 1 + calls % 3; at <= calls; at += calls / samples + 1)); do
            before
            shortage=$kind:$at
            SHORTAGE=$shortage LD_PRELOAD=$library "$assay" "$@" >"$T/out" 2>"$T/err"
            status=$?
            ends "$@"
            after "$@"
        done
    done <"$S/calls"
}
before() { :; }
after() { :; }

test_that 'short of something, a command ends with an error or as it would'
shortages 20 inspect "$nano/qwen3" --json -q
shortages 6 check "$nano/qwen3" --golden "$(gold qwen3)" --only tokens,layers,weights --no-diagnose --json -q
shortages 2 quality "$S/texts.jsonl" --json -q -o "$S/report"
shortages 4 generate "$nano/qwen3" --prompt hi -n 2 -q

test_that 'an extraction that says success is whole, and one that does not is finished by another run'
before() { rm -rf "$S/x"; }
after() {
    if [ "$status" -ne 0 ]; then "$assay" extract "$nano/qwen3" "$S/x" -q >"$T/out" 2>"$T/err" || failed 'it is not finished'; fi
    if diff -r "$S/intact" "$S/x" >"$T/diff" 2>&1; then passed; else failed "it differs: $(head -n 3 "$T/diff")"; fi
}
shortages 10 extract "$nano/qwen3" "$S/x" -q

test_that 'a repair, too'
rm -rf "$S/intact" && cp -r "$nano/thinker-extraction" "$S/hurt" && rm "$S/hurt/norms/thinker_norms_layer_01.safetensors"
before() { rm -rf "$S/x" && cp -r "$S/hurt" "$S/x"; }
after() {
    if [ "$status" -eq 0 ]; then cmp -s "$S/x/norms/thinker_norms_layer_01.safetensors" "$nano/thinker-extraction/norms/thinker_norms_layer_01.safetensors" && passed || failed 'it is not mended'; fi
}
shortages 3 repair "$S/x" --source "$nano/thinker" -q
