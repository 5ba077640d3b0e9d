# Reports as a browser shows them, at the width of a desk and of a phone, in light and in dark: nothing scrolls sideways, nothing is
# said on the console, nothing is fetched, every text can be read, every figure has a name. ASSAY_TEST_SCREENSHOTS: a folder
# for pictures to look at.

browser=$(command -v chromium || command -v chromium-browser || true)
test_that 'there is a browser to look with (scripts/setup tests installs one)'
there "${browser:-chromium}"

# look FOLDER NAME WIDTH [OPTION...]: opens a copy of the folder's report with the probe; leaves what it found in $T/out.
look() {
    local folder=$1 page="$T/page-$2-$3" width=$3
    shift 3
    mkdir -p "$page"
    # Its policy stays but for scripts, so that what it forbids is still forbidden.
    sed -e "s/default-src 'none'; style-src/default-src 'none'; script-src 'unsafe-inline'; style-src/" "$folder/report.html" |
        sed -e '/^<\/body>/,$d' >"$page/report.html"
    { echo '<script>'; cat suites/tests/cli/browser_probe.js; printf '</script>\n</body>\n</html>\n'; } >>"$page/report.html"
    # In a frame, for no window of the browser is as narrow as a phone.
    printf '<!DOCTYPE html><html lang="en"><script>onmessage = e => document.title = e.data</script><iframe src="report.html" style="%s"></iframe></html>\n' \
        "border:0;width:${width}px;height:800px" >"$page/frame.html"
    command_line="(browser) $page/report.html $width $*"
    "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --user-data-dir="$T/browser" --enable-logging=stderr \
        --hide-scrollbars --window-size=1400,900 --virtual-time-budget=5000 "$@" --dump-dom "file://$page/frame.html" \
        >"$page/dom" 2>"$page/log"
    grep -ao 'PROBE {.*} END' "$page/dom" | head -n 1 | sed -e 's/^PROBE //' -e 's/ END$//' -e 's/&amp;/\&/g' -e 's/&lt;/</g' -e 's/&gt;/>/g' >"$T/out"
    json '.texts >= 10'
    json ".width == $width"
    equal '.faults | join("; ")' ''
    same "$(grep -a 'CONSOLE' "$page/log" | cut -c1-300)" ''
    if [ -n "${ASSAY_TEST_SCREENSHOTS:-}" ]; then
        mkdir -p "$ASSAY_TEST_SCREENSHOTS"
        "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$T/browser" --window-size="$width,$((width > 600 ? 800 : 1600))" "$@" \
            --screenshot="$ASSAY_TEST_SCREENSHOTS/$(basename "$page").png" "file://$folder/report.html" >"$T/log" 2>&1
    fi
}
dark=--blink-settings=preferredColorScheme=0
# shows NAME: its report at both widths, and in the dark.
shows() {
    look "$T/$1" "$1" 1280
    json '.height <= 800'
    look "$T/$1" "$1" 390
    look "$T/$1" "$1-dark" 1280 "$dark"
}

story=$PWD/golden/thinker-48
test_that 'a pass'
run 0 check "$story" --golden "$story.golden.safetensors" -q -o "$T/pass"
shows pass
json '.pages < 8'

test_that 'the story'
broken=$T/models/extractions/Qwen3-Omni-30B-A3B-Instruct-thinker-2026/broken # as deep as people's folders are
mkdir -p "${broken%/*}"
run 0 break "$story" "$broken" --fault one-shard-per-layer -q
diagnoses=1 run 1 check "$broken" --golden "$story.golden.safetensors" --text "$story/heldout.txt" -q -o "$T/story"
shows story
json '.pages < 20'
same "$(($(stat -c %s "$T/story/report.html") < 2000000))" 1

test_that 'nothing but files'
run 1 check "$broken" -q -o "$T/files"
shows files

test_that 'few bits'
run "0|1" check "$nano/mixtral" --suite suites/quantised.json --golden "$(gold mixtral)" -q -o "$T/few" --fault scale:model.norm.weight,1.001
shows few

test_that 'what could not be run'
run 3 check "$nano/thinker/config.json" -q -o "$T/unable"
look "$T/unable" unable 1280
look "$T/unable" unable 390

test_that 'the probe sees what is wrong'
mkdir -p "$T/bad"
sed -e 's/<h1>/<h1 style="color:#ddd;width:3000px">/' -e 's/aria-label="[^"]*"/aria-label=""/' "$T/pass/report.html" >"$T/bad/report.html"
command_line='(browser) a report that was made bad'
(
    checks=0 failures=0
    look "$T/bad" bad 1280 >"$T/told"
    echo "$failures" >"$T/failed"
)
same "$(cat "$T/failed")" 1
for fault in 'wider than the window' 'contrast' 'a figure without a name'; do
    if grep -q "$fault" "$T/out"; then passed; else failed "not seen: $fault"; fi
done
