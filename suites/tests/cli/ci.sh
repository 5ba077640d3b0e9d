# What a command says to GitHub, the files for other servers of continuous integration, and the examples in scripts/ci.
suite=(--suite "$proof" --golden "$(gold qwen3)")
hurt qwen3 drop layers.1.self_attn.k_norm.weight

# github VARIABLE=VALUE... -- STATUS ARGUMENT...: run with these variables.
github() {
    local variables=()
    while [ "$1" != -- ]; do variables+=("$1") && shift; done
    shift
    export "${variables[@]}"
    run "$@"
    unset "${variables[@]%%=*}"
}
# commands KIND: lines on stderr that GitHub takes for this command.
commands() { grep -c "^ *::$1 " "$T/err"; }
within() { if [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]; then passed; else failed "$1 is not from $2 to $3"; fi; }

test_that 'elsewhere nothing is annotated'
run 1 check "$T/hurt" "${suite[@]}" --json -q
silent err
GITHUB_ACTIONS=false run 1 check "$T/hurt" "${suite[@]}" --json -q
silent err

test_that 'what failed is annotated on stderr, and stdout stays one document'
github GITHUB_ACTIONS=true -- 1 check "$T/hurt" "${suite[@]}" --json -q
json '.verdict == "fail"'
within "$(commands error)" 1 10
within "$(commands warning)" 0 10
same "$(grep -vc '^::\(error\|warning\) title=[^:]*::' "$T/err")" 0
says err '::error title=inventory.absent::'
says err 'self_attn.k_norm.weight of layer 1'
test_that 'a pass has no error'
github GITHUB_ACTIONS=true -- 0 check "$nano/qwen3" "${suite[@]}" -q
same "$(commands error)" 0
says out PASS
test_that 'what could not be run is annotated, too, whatever the folder'
for folder in "$T/unable" /proc/nowhere; do
    github GITHUB_ACTIONS=true -- 3 check "$T/nowhere" -o "$folder" -q
    same "$(commands error)" 1
    says err '::error title=check::'
done
test_that 'names of files are no commands'
odd="$T/odd
::error title=x::y,%0A"
cp -r "$T/hurt" "$odd"
github GITHUB_ACTIONS=true -- 1 inspect "$odd" --json -q
same "$(grep -c '^ *::error title=x' "$T/err")" 0
github GITHUB_ACTIONS=true -- 3 inspect "$odd/nowhere" --json -q
same "$(commands error)" 1
says err ',%250A/nowhere'

test_that 'the job summary is summary.md, behind what is there'
echo before >"$T/summary"
github GITHUB_STEP_SUMMARY="$T/summary" -- 1 check "$T/hurt" "${suite[@]}" -o "$T/report" -q
silent err
same "$(head -n 1 "$T/summary")" before
same "$(tail -n +3 "$T/summary")" "$(cat "$T/report/summary.md")"
github GITHUB_STEP_SUMMARY="$T/summary" -- 1 check "$T/hurt" "${suite[@]}" -q
same "$(grep -c '^## ' "$T/summary")" 2
test_that 'one that cannot be written is a warning, and changes no verdict'
truncate -s 1M "$T/full"
mkdir "$T/folder"
for path in "$T/full" "$T/folder" "$T/nowhere/summary" /dev/null; do
    github GITHUB_STEP_SUMMARY="$path" -- 0 check "$nano/qwen3" "${suite[@]}" --json -q
    json '.verdict == "pass"'
    says err "assay check: warning: $path: "
done

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

# strange_options FILE: "COMMAND OPTION" of each `assay COMMAND ...` in it whose help does not list the option, and "COMMAND" of
# one that has no help; after each, "ran": a file in which nothing was found proves nothing.
strange_options() {
    local line words word command help
    sed -e ':more' -e '/\\$/{N;s/\\\n//;bmore' -e '}' "$1" | grep -v '^ *\(#\|//\)' | grep -oE '(^|[[:space:]])assay [a-z]+ .*' |
        while read -r line; do
            read -ra words <<<"$line"
            command=${words[1]}
            help=$("$assay" "$command" -h 2>/dev/null) || echo "$command"
            for word in "${words[@]:2}"; do
                case $word in
                    --*) grep -qE -e "(^|[ ,])${word%%=*}([=, ]|\$)" <<<"$help" || echo "$command $word" ;;
                    -?) grep -qE -e "^  $word," <<<"$help" || echo "$command $word" ;;
                esac
            done
            echo ran
        done
}
# strange_yaml FILE: what is no line of our YAML: indented by twos, without tabs, a key or an item, but for blocks of text.
strange_yaml() {
    awk '
        /\t/ { print FILENAME ":" FNR ": a tab" }
        { match($0, /^ */); depth = RLENGTH }
        /^ *(#|$)/ || (block && depth > within) { next }
        { block = 0 }
        depth % 2 { print FILENAME ":" FNR ": odd indentation" }
        depth > last + 2 + 2 * item { print FILENAME ":" FNR ": indented too far" }
        !/^ *(- )?([A-Za-z_-]+:( .+)?$|[^ ].*$)/ || (!/^ *- / && !/^ *[A-Za-z_-]+:( |$)/) { print FILENAME ":" FNR ": no key and no item" }
        { last = depth; item = /^ *- /; within = depth + 2 * (/^ *- [a-z_]+: \|$/); block = /(: |- )\|$/ }
    ' "$1"
}

test_that 'the examples in scripts/ci use commands and options that there are'
for file in scripts/ci/*; do
    same "$(strange_options "$file" | sort -u)" ran
done
sed 's/--golden/--goldn/; s/assay check/assay chuck/' scripts/ci/github.yml >"$T/bad"
same "$(strange_options "$T/bad" | paste -sd ' ')" 'chuck chuck --goldn chuck -o ran'

test_that 'they are well-formed, as far as this can see'
for file in scripts/ci/*.yml; do
    same "$(strange_yaml "$file")" ''
done
for edit in 's/^  image/\timage/' 's/^  image/   image/' 's/^  image: /  image /' 's/^  image/        image/'; do
    sed "$edit" scripts/ci/gitlab-ci.yml >"$T/bad"
    if [ -n "$(strange_yaml "$T/bad")" ]; then passed; else failed "not seen: $edit"; fi
done
same "$(tr -dc '{' <scripts/ci/Jenkinsfile | wc -c)" "$(tr -dc '}' <scripts/ci/Jenkinsfile | wc -c)"
for file in scripts/ci/*.yml scripts/ci/Jenkinsfile; do
    for kept in report/report.sarif report/junit.xml; do
        grep -q "$kept" "$file" && break
    done || failed "$file publishes nothing"
done
