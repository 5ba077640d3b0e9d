#include <stddef.h>

#include "reports/html_page.h"

/* Dark ink on light paper: on a screen, and on paper whatever the screen is. */
#define LIGHT_INK                                                                                                      \
    "--pass:#13713d;--warn:#8a5a00;--fail:#b3261e;--skip:#57606a;--c0:#0b62c4;--c1:#c9480a;--c2:#0f7a52;"              \
    "--c3:#a8358a;--c4:#917000;--c5:#1488ad;--c6:#6447c8;--c7:#74583a;"                                                \
    "--m1:#e6e8eb;--m2:#b9d3ec;--m3:#8fc6a3;--m4:#f0c84b;--m5:#ee8a3a;--m6:#c62a20;--m7:#7a4bc4;--m8:#5a5f66;"         \
    "--m9:#15181c;--mark:#7a4bc4;--cause:#0047ff"

/* The style sheet, rule by rule; a null pointer ends it. */
static const char *const html_style[] = {
    ":root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--card:#fff;--ground:#f4f5f7;--line:#d7dbe0;"
    "--grid:#e3e6ea;--reference:#6e7781;--passbg:#e5f4ea;--warnbg:#fdf1d6;--failbg:#fdeae8;--skipbg:#eceef1;" LIGHT_INK
    "}",
    "@media (prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9aa4af;--card:#1b1f24;--ground:#14171b;"
    "--line:#343b43;--grid:#2c3239;--reference:#9aa4af;--pass:#5fd08b;--warn:#e8b84a;--fail:#ff8a80;"
    "--skip:#9aa4af;--passbg:#15301f;--warnbg:#33280c;--failbg:#3a1b19;--skipbg:#262b31;--c0:#6cb2ff;"
    "--c1:#ff9a5c;--c2:#4fd1a1;--c3:#f08bd0;--c4:#e0bd45;--c5:#67d3ec;--c6:#b3a1ff;--c7:#cfa983;"
    "--m1:#2a2f36;--m2:#31506f;--m3:#2f7a4d;--m4:#b8941f;--m5:#d0702a;--m6:#ef5b50;--m7:#a884f0;--m8:#aeb4bb;"
    "--m9:#f5f7f9;--mark:#d9c6ff;--cause:#4da3ff}}",
    "*{box-sizing:border-box}",
    "body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"
    "'Segoe UI',Roboto,'Noto Sans','Liberation Sans',sans-serif;overflow-wrap:anywhere}",
    "main,header .in,footer{max-width:1240px;margin:0 auto;padding:0 20px}",
    "header{border-top:6px solid var(--v);background:var(--vbg);padding:10px 0 14px;"
    "border-bottom:1px solid var(--line)}",
    ".v-pass{--v:var(--pass);--vbg:var(--passbg)}",
    ".v-warn{--v:var(--warn);--vbg:var(--warnbg)}",
    ".v-fail,.v-error{--v:var(--fail);--vbg:var(--failbg)}",
    ".v-skip{--v:var(--skip);--vbg:var(--skipbg)}",
    ".of{margin:0;color:var(--soft);font-size:14px}",
    ".of b{color:var(--ink);font-weight:600}",
    "header h1{margin:0;font-size:15px;font-weight:400;color:var(--soft)}",
    "h1 .word{font-size:34px;line-height:1.25;font-weight:800;color:var(--v);margin-right:8px}",
    "h1 .tag{vertical-align:6px}",
    "h1 .counts{vertical-align:6px;margin-left:6px}",
    ".reason{font-size:19px;line-height:1.35;margin:2px 0 4px;max-width:62em}",
    ".experiment{margin:4px 0;padding:4px 10px;background:var(--card);border:1px dashed var(--soft);border-radius:6px;"
    "font-size:14.5px}",
    ".rest{margin:2px 0;color:var(--soft);font-size:14.5px;max-width:84em}",
    ".rest b{color:var(--ink)}",
    ".tiles{display:flex;flex-wrap:wrap;gap:8px;margin:10px 0 10px;padding:0}",
    ".tiles div{flex:1 1 150px;background:var(--card);border:1px solid var(--line);border-radius:8px;"
    "padding:5px 12px 6px}",
    ".tiles .decided{border-color:var(--v);border-width:2px}",
    ".tiles dt{font-size:13px}",
    ".tiles dd{font-size:20px;font-weight:650;line-height:1.25;font-variant-numeric:tabular-nums}",
    ".glance{display:grid;grid-template-columns:minmax(0,1fr);gap:12px}",
    "@media (min-width:1000px){.glance:has(.next):has(.whole){grid-template-columns:minmax(0,2fr) minmax(0,1fr)}}",
    ".whole{margin:0;padding:8px 12px}",
    "figcaption .how{display:block;font-weight:400;color:var(--soft);font-size:13px;max-width:70em}",
    ".whole .how{font-size:12.5px;max-width:none}",
    ".next{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:8px 14px}",
    ".next h2{margin:0 0 4px;font-size:16px}",
    ".next p{margin:5px 0 2px;font-size:14px;line-height:1.4}",
    ".next .command{margin:2px 0 6px;padding:5px 9px;font-size:12.5px;line-height:1.35}",
    ".plot svg.map{max-height:400px}",
    ".map text{font-size:11px;fill:var(--soft)}",
    ".map rect:hover{stroke:var(--ink);stroke-width:1}",
    ".m0{fill:var(--card);stroke:var(--line)}",
    ".m1{fill:var(--m1)}.m2{fill:var(--m2)}.m3{fill:var(--m3)}.m4{fill:var(--m4)}.m5{fill:var(--m5)}",
    ".m6{fill:var(--m6)}.m7{fill:var(--m7)}.m8{fill:var(--m8)}.m9{fill:var(--m9)}",
    ".mu{fill:var(--mark);stroke:var(--card);stroke-width:1}",
    ".mc{fill:none;stroke:var(--cause);stroke-width:2;pointer-events:none}",
    "nav{display:flex;flex-wrap:wrap;gap:6px 20px;margin:14px 0 0;font-size:14px}",
    ".lead{font-size:16.5px;margin:0 0 12px}",
    ".graded{margin:8px 0 0;padding-left:22px}",
    ".graded li{margin:6px 0}",
    ".say .soft{display:block}",
    ".soft{color:var(--soft);font-size:13.5px}",
    ".command{margin:4px 0 10px;padding:8px 10px;background:var(--ground);border-radius:4px;white-space:normal;"
    "font-size:13px}",
    ".command span{display:inline-block;max-width:100%;word-break:break-all}",
    "h2{font-size:21px;margin:30px 0 6px}",
    "h2 .tag{vertical-align:3px;margin-left:6px}",
    "h3{font-size:16px;margin:0;font-weight:650}",
    "td.name .id,h3 .id{color:var(--soft);font-weight:400;font-size:12.5px}",
    "code,.id{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace;"
    "font-size:.92em}",
    "a{color:inherit}",
    ".tag{display:inline-block;white-space:nowrap;min-width:3.6em;text-align:center;font-size:12.5px;font-weight:700;"
    "text-transform:uppercase;letter-spacing:.04em;padding:1px 8px;border-radius:4px;color:var(--v);"
    "background:var(--vbg);border:1px solid var(--v)}",
    ".tag.certainty{--v:var(--skip);--vbg:var(--skipbg)}",
    ".next table{margin:2px 0 6px}",
    ".next th,.next td{padding:3px 8px 3px 0}",
    ".next tbody th{border-bottom:0}",
    ".card{background:var(--card);border:1px solid var(--line);border-left:5px solid var(--v);"
    "border-radius:8px;padding:16px 18px;margin:0 0 14px}",
    ".card h3{display:flex;gap:10px;align-items:center;flex-wrap:wrap}",
    ".card p{margin:8px 0 0}",
    ".card .message{font-size:17px}",
    ".numbers{color:var(--soft)}",
    ".numbers b{color:var(--ink);font-weight:650}",
    ".numbers .over{color:var(--v);font-weight:650}",
    ".wide{overflow-x:auto;margin:12px 0 0}",
    "table{border-collapse:collapse;width:100%;font-size:14.5px;font-variant-numeric:tabular-nums}",
    "th,td{text-align:left;vertical-align:top;padding:6px 10px;border-bottom:1px solid var(--line)}",
    "th,td{overflow-wrap:normal}",
    "th{font-weight:600;color:var(--soft);font-size:13px}",
    "thead th{white-space:nowrap}",
    "td.place{overflow-wrap:anywhere;min-width:11em}",
    "td.say{overflow-wrap:anywhere;min-width:14em}",
    "tbody th{overflow-wrap:anywhere;min-width:4em}",
    "td.n,th.n{text-align:right;white-space:nowrap}",
    "tr:last-child td{border-bottom:0}",
    ".panel{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:6px 10px}",
    "td.name{min-width:11em}",
    "figure{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:16px 18px 12px;"
    "margin:0 0 16px}",
    "figcaption{font-weight:650}",
    "figcaption .id{display:block;font-weight:400;color:var(--soft);font-size:13px}",
    ".axis{color:var(--soft);font-size:13.5px;margin:8px 0 0}",
    ".axis.x{text-align:center;margin:0}",
    ".plot{overflow-x:auto;color:var(--soft)}",
    ".plot svg{display:block;width:100%;min-width:620px;height:auto}",
    ".plot svg g{font-family:inherit}",
    ".plot svg image{image-rendering:pixelated}",
    ".legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 18px;margin:8px 0 2px;padding:0;"
    "font-size:14px}",
    ".legend svg{width:30px;height:12px;vertical-align:-1px;margin-right:6px}",
    ".whole .legend{gap:1px 16px;font-size:13px;line-height:1.4}.whole .legend svg{width:12px}",
    ".note{color:var(--soft);font-size:14px;margin:8px 0 0}",
    ".card .said{font-weight:400}",
    ".card .prompt{color:var(--soft);white-space:pre-wrap;overflow:hidden}",
    ".prompt bdi{color:var(--ink)}",
    /* Letters with many marks above must not cover what is around. */
    ".passage{white-space:pre-wrap;unicode-bidi:plaintext;overflow:hidden;overflow-wrap:anywhere;margin:10px 0 0;"
    "padding:8px 14px;border:1px solid var(--line);border-radius:6px;background:var(--ground);font-size:15.5px;"
    "line-height:2;font-family:inherit;tab-size:4}",
    ".marks{color:var(--soft);font-size:14px}",
    ".marks mark{color:var(--ink)}",
    "mark{color:inherit;background:color-mix(in srgb,var(--k) 20%,transparent);"
    "text-decoration:underline var(--k);text-decoration-thickness:2px;text-underline-offset:3px;"
    "text-decoration-skip-ink:none;-webkit-box-decoration-break:clone;box-decoration-break:clone;"
    "border-radius:2px}",
    "mark mark{text-underline-offset:6px}",
    "mark mark mark{text-underline-offset:9px}",
    ".k0{--k:var(--c0)}.k1{--k:var(--c1);text-decoration-style:double}.k2{--k:var(--c2);text-decoration-style:dotted}",
    ".k3{--k:var(--c3);text-decoration-style:dashed}.k4{--k:var(--c4);text-decoration-style:wavy}",
    ".k5{--k:var(--c5);text-decoration-thickness:4px}.k6{--k:var(--c6);text-decoration-style:dotted;"
    "text-decoration-thickness:4px}.k7{--k:var(--c7);text-decoration-style:dashed;text-decoration-thickness:4px}",
    ".onset{display:inline-block;white-space:nowrap;line-height:1.5;font-size:12px;font-weight:700;"
    "color:var(--fail);background:var(--failbg);border:1px solid var(--fail);border-radius:4px;padding:0 6px;"
    "margin:0 3px;user-select:none}",
    ".reasons{margin:10px 0 0;padding-left:20px}",
    ".reasons li{margin:3px 0}",
    ".reasons .numbers{display:block;font-size:13px}",
    "details .card{margin-top:14px}",
    "details{margin:10px 0 0}",
    "summary{cursor:pointer;color:var(--soft);font-size:14px}",
    "details .wide{max-height:460px;overflow:auto}",
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:0;padding:8px}",
    "dt{color:var(--soft)}",
    "dd{margin:0}",
    ".grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:14px}",
    ".grid h3{padding:8px 8px 0}",
    "footer{color:var(--soft);font-size:13.5px;padding-top:26px;padding-bottom:34px}",
    "@media (max-width:720px){",
    "body{font-size:15px}",
    "main,header .in,footer{padding:0 14px}",
    "h1 .word{font-size:30px}",
    ".reason{font-size:17px}",
    ".tiles div{flex-basis:40%}",
    ".checks thead{position:absolute;left:-9999px}",
    ".checks tr{display:block;padding:10px 2px;border-bottom:1px solid var(--line)}",
    ".checks tr:last-child{border-bottom:0}",
    ".checks td,.checks td.n{display:block;border:0;padding:1px 0;text-align:left;white-space:normal}",
    ".checks td[data-label]:before{content:attr(data-label) ': ';color:var(--soft)}",
    ".checks td:empty{display:none}",
    "}",
    "@media print{",
    ":root{color-scheme:light;--ink:#000;--soft:#444;--card:#fff;--ground:#fff;--line:#bbb;--grid:#ddd;--reference:#"
    "666;"
    "--passbg:#fff;--warnbg:#fff;--failbg:#fff;--skipbg:#fff;" LIGHT_INK "}",
    "body{font-size:10.5pt}",
    "table{font-size:9pt}",
    ".checks td.n{white-space:normal}",
    ".card,figure,tr{break-inside:avoid}",
    "h2,h3{break-after:avoid}",
    ".plot,.wide{overflow:visible}",
    ".plot svg{min-width:0}",
    "details:not([open]){display:none}",
    "*{-webkit-print-color-adjust:exact;print-color-adjust:exact}",
    "}",
    NULL,
};

void page_open(struct page *page)
{
    page_raw(page,
             "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
             "img-src data:\">\n<title>");
}

void page_style(struct page *page)
{
    page_raw(page, "<style>\n");
    for (size_t i = 0; html_style[i]; i++) {
        page_raw(page, html_style[i]);
        page_raw(page, "\n");
    }
    page_raw(page, "</style>\n</head>\n<body>\n");
}
