# --chat: the model's own template, from where transformers takes it, and an error where there is none that can be applied.
model=$nano/thinker question='What is the capital of France?'

# asked EXPRESSION EXPECTED: of the last --json output.
asked() { equal ".[0].$1" "$2"; }
# with FILE TEXT...: a copy of the model in $T/chat that has these files too.
with() {
    rm -rf "$T/chat"
    cp -r "$model" "$T/chat"
    while [ $# -gt 1 ]; do
        printf '%s' "$2" >"$T/chat/$1"
        shift 2
    done
}
# chats STATUS [ARGUMENT...]: one token of the model in $T/chat.
chats() {
    local status=$1
    shift
    run "$status" generate "$T/chat" --chat --prompt 'Hi  there' -n 1 --json -q "$@"
}

test_that 'the reference model answers a question that its template puts'
run 0 generate golden/thinker-48 --chat --prompt "$question" --temperature 0 --json -q
asked text 'The capital of France is Paris.'
asked ended true
json '.[0].chat == "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n"'
# transformers 5.23: apply_chat_template(..., add_generation_prompt=True)
asked 'chat_ids | join(" ")' '1534 789 198 436 285 260 524 323 939 302 412 30 1535 198 1534 790 198'
ids=$(jq -c '.[0].ids' "$T/out")
run 0 generate golden/thinker-48 --prompt $'<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n' --temperature 0 --json -q
same "$(jq -c '.[0].ids' "$T/out")" "$ids"
json '.[0] | has("chat") or has("chat_ids") | not'
run 0 generate golden/thinker-48 --chat --prompt "$question" --prompt 'What is the capital of Italy?' --temperature 0 -q
says out 'What is the capital of France? -> The capital of France is Paris. What is the capital of Italy? -> The capital of Italy is Rome.'

test_that 'what the system says'
run 0 generate golden/thinker-48 --chat --system 'Be brief.' --prompt Hi -n 1 --json -q
json '.[0].chat == "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"'
run 2 generate golden/thinker-48 --system 'Be brief.' --prompt Hi
says err '--system needs --chat'

test_that 'a model without a template: it says where it looked'
run 3 generate "$model" --chat --prompt Hi -q
for word in "$model" 'no chat template' chat_template.jinja tokenizer_config.json --tokenizer; do says err "$word"; done
silent out

test_that 'what cannot be applied is an error that names it'
with chat_template.jinja $'{{ bos_token }}\n{{ messages | frobnicate }}'
chats 3
says err "$T/chat/chat_template.jinja: chat template line 2: there is no filter 'frobnicate'"
silent out
with chat_template.jinja "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}x"
chats 0
chats 3 --system 'Be brief.'
says err 'the template refuses: System role not supported'
with chat_template.jinja '{{ messages[0].content.x.y }}'
chats 3
says err "'x' is undefined"
with chat_template.jinja "{{ messages[0].content }}{{ 'x' * 16000000 }}"
chats 3
says err "$T/chat/chat_template.jinja: the chat template makes 16000009 bytes of messages of 9; at most 65608 are taken"
with chat_template.jinja '{% if'
chats 3
with chat_template.jinja $'\xff'
chats 3
says err 'is not UTF-8'
with chat_template.jinja ''
chats 3
says err 'no tokens'

test_that 'where it comes from, in the order of transformers'
config='{"eos_token": "<|im_end|>", "tokenizer_class": "PreTrainedTokenizerFast", "chat_template": '
with tokenizer_config.json "$config\"config {{ messages[0].content }}\"}"
chats 0
asked chat 'config Hi  there'
with tokenizer_config.json "$config\"config\"}" chat_template.jinja 'file' chat_template.json '{"chat_template": "processor"}'
chats 0
asked chat file
with tokenizer_config.json "$config[{\"name\": \"tool_use\", \"template\": \"a\"}, {\"name\": \"default\", \"template\": \"b\"}]}"
chats 0
asked chat b
with tokenizer_config.json "$config[{\"name\": \"tool_use\", \"template\": \"a\"}]}"
chats 3
says err 'is named default'
with tokenizer_config.json "$config{\"default\": \"c\"}}"
chats 0
asked chat c
with tokenizer_config.json "${config}5}"
chats 3
says err '"chat_template" should be a string'
with tokenizer_config.json "$config"
chats 3
says err tokenizer_config.json
with chat_template.json '{"chat_template": "processor"}'
chats 0
asked chat processor
with chat_template.jinja 'x'
run 0 generate "$model" --tokenizer "$T/chat" --chat --prompt Hi -n 1 --json -q
asked chat x
run 0 generate "$model" --tokenizer "$T/chat/tokenizer.json" --chat --prompt Hi -n 1 --json -q
asked chat x

test_that 'special tokens are variables, and are recognised'
show='{{ bos_token }}|{{ eos_token }}|{{ pad_token is defined }}'
with chat_template.jinja "$show" tokenizer_config.json '{"bos_token": null, "eos_token": {"content": "<|im_end|>"}, "pad_token": 5}'
chats 0
asked chat '|<|im_end|>|False'
json '.[0].chat_ids | length < 12'
with chat_template.jinja "$show" tokenizer_config.json '{"bos_token": "a", "eos_token": "b"}' special_tokens_map.json '{"eos_token": {"content": "c"}, "pad_token": "p"}'
chats 0
asked chat 'a|c|True'
with chat_template.jinja "$show" tokenizer_config.json '{"bos_token": "a", "added_tokens_decoder": {}}' special_tokens_map.json '{"bos_token": "c"}'
chats 0
asked chat 'a||False'

for class in GPT2Tokenizer GPT2TokenizerFast Qwen2Tokenizer PreTrainedTokenizerFast; do
    with chat_template.jinja '{{ bos_token }}|{{ eos_token }}|{{ unk_token }}' tokenizer_config.json "{\"tokenizer_class\": \"$class\", \"unk_token\": null}"
    chats 0
    case $class in
    GPT2*) asked chat '<|endoftext|>|<|endoftext|>|' ;;
    Qwen2*) asked chat '|<|endoftext|>|' ;;
    *) asked chat '||' ;;
    esac
done

test_that 'no BOS is added to what the template writes'
model=$nano/llama
with chat_template.jinja 'a'
jq '.post_processor = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|im_start|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}], "pair": [], "special_tokens": {"<|im_start|>": {"id": "<|im_start|>", "ids": [397], "tokens": ["<|im_start|>"]}}}' \
    "$model/tokenizer.json" >"$T/chat/tokenizer.json"
run 0 tokenize "$T/chat" 'a'
same "$(cat "$T/out")" '397 64'
chats 0
asked 'chat_ids | join(" ")' 64
model=$nano/thinker

test_that 'bytes that are not UTF-8'
with chat_template.jinja '{{ messages[0].content }}'
run 0 generate "$T/chat" --chat --prompt $'a\xffb' -n 3 -q

test_that 'an extraction carries the template along'
with chat_template.jinja '{{ messages[0].content }}!' special_tokens_map.json '{}'
run 0 extract "$T/chat" "$T/carried" -q
there "$T/carried/chat_template.jinja"
there "$T/carried/special_tokens_map.json"
run 0 generate "$T/carried" --chat --prompt Hi -n 1 --json -q
asked chat 'Hi!'

# le BYTES NUMBER
le() {
    local at value=$2
    for ((at = 0; at < $1; at++)); do
        # shellcheck disable=SC2059
        printf "\\x$(printf %02x $((value & 255)))"
        value=$((value >> 8))
    done
}
# gguf_with FILE TEMPLATE: the small llama with that tokenizer.chat_template; it is filled up, for the data stay aligned.
gguf_with() {
    local from=$PWD/suites/data/gguf/llama-f32.gguf key=tokenizer.chat_template text=$2
    while [ $(((8 + ${#key} + 4 + 8 + ${#text}) % 32)) -ne 0 ]; do text+=' '; done
    {
        head -c 16 "$from"
        le 8 $(($(od -An -tu8 -j 16 -N 8 "$from") + 1))
        le 8 ${#key}
        printf %s "$key"
        le 4 8
        le 8 ${#text}
        printf %s "$text"
        tail -c +25 "$from"
    } >"$1"
}
test_that 'a GGUF file holds its template, and an extraction of it has it too'
run 3 generate suites/data/gguf/llama-f32.gguf --chat --prompt Hi
says err 'no tokenizer.chat_template'
gguf_with "$T/chat.gguf" '{{ eos_token }}"{{ messages[0].content }}"{#'
run 3 generate "$T/chat.gguf" --chat --prompt Hi -n 1 -q
says err 'chat.gguf: chat template line 1: the comment does not end'
gguf_with "$T/chat.gguf" '{{ eos_token }}"{{ messages[0].content }}"{%- if 0 %}{% endif -%}'
run 0 generate "$T/chat.gguf" --chat --prompt Hi -n 4 --temperature 0 --json -q
eos=$(jq -r '.[0].chat' "$T/out")
expected=$(jq -c '.[0] | [.chat_ids, .chat, .ids]' "$T/out")
same "${eos##*>}" '"Hi"'
run 0 extract "$T/chat.gguf" "$T/chat.x" -q
there "$T/chat.x/tokenizer_config.json"
run 0 generate "$T/chat.x" --chat --prompt Hi -n 4 --temperature 0 --json -q
equal '.[0] | [.chat_ids, .chat, .ids]' "$expected"
run 0 generate "$nano/llama" --tokenizer "$T/chat.gguf" --chat --prompt Hi -n 1 --json -q
equal '.[0].chat' "$eos"
