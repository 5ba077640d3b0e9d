// What a browser makes of a report. Put at the end of a copy of the page, whose own policy would not let it run; tells the page
// around it what it finds.
(() => {
    const faults = [], say = (what, element) =>
        faults.push(what + ': ' + (element ? element.tagName.toLowerCase() + ' ' + element.textContent.trim().slice(0, 60) : ''));
    const width = document.documentElement.clientWidth;
    const wide = () => {
        if (document.documentElement.scrollWidth > width) {
            const all = [...document.body.querySelectorAll('*')];
            const out = all.find(e => e.getBoundingClientRect().right > width + 1 && !e.closest('.wide, .plot, pre'));
            say('wider than the window by ' + (document.documentElement.scrollWidth - width), out || document.body);
        }
    };
    wide();
    // Colours as red, green, blue from 0 to 255 and opacity.
    const parse = text => {
        const numbers = (text.match(/-?[\d.]+(e-?\d+)?/g) || []).map(Number);
        if (text.startsWith('color(srgb'))
            return [numbers[0] * 255, numbers[1] * 255, numbers[2] * 255, numbers.length > 3 ? numbers[3] : 1];
        return [numbers[0] || 0, numbers[1] || 0, numbers[2] || 0, numbers.length > 3 ? numbers[3] : 1];
    };
    const over = (top, below) => top.slice(0, 3).map((value, i) => value * top[3] + below[i] * (1 - top[3])).concat(1);
    const ground = element => {
        let layers = [];
        for (let at = element; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
        return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
    };
    const light = colour => {
        const [r, g, b] = colour.slice(0, 3).map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
    const folds = [...document.querySelectorAll('details')];
    folds.forEach(fold => fold.open = true);
    wide();
    let texts = 0;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const seen = new Set();
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.textContent.trim() || seen.has(element) || element.closest('title, script, style')) continue;
        seen.add(element);
        const style = getComputedStyle(element);
        if (style.visibility === 'hidden' || !element.getClientRects().length) continue;
        texts++;
        const ink = parse(element.closest('svg') ? style.fill : style.color), below = ground(element);
        const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.6 && style.fontWeight >= 700);
        const found = contrast(over(ink, below), below);
        if (found < (large ? 3 : 4.5)) say('contrast ' + found.toFixed(2), element);
    }
    performance.getEntriesByType('resource').forEach(entry => say('asks for ' + entry.name));
    if (texts < 10) say('hardly any text', document.body);
    // Names, for whoever hears the page.
    document.querySelectorAll('svg[role=img]').forEach(svg => (svg.getAttribute('aria-label') || '').length > 10 || say('a figure without a name', svg));
    document.querySelectorAll('svg:not([role=img])').forEach(svg => svg.closest('[aria-hidden=true], svg[role=img]') || say('a drawing that is read aloud', svg));
    document.querySelectorAll('figure').forEach(figure => figure.querySelector('figcaption') || say('a figure without a caption', figure));
    document.querySelectorAll('table').forEach(table => table.querySelector('th[scope]') || say('a table without headings', table));
    document.querySelectorAll('section, nav').forEach(part => part.hasAttribute('aria-labelledby') || part.hasAttribute('aria-label') || say('a part without a name', part));
    document.querySelectorAll('[aria-labelledby]').forEach(part => document.getElementById(part.getAttribute('aria-labelledby')) || say('a name that is nowhere', part));
    document.querySelectorAll('a[href^="#"]').forEach(link => document.getElementById(link.getAttribute('href').slice(1)) || say('a link to nowhere', link));
    document.querySelectorAll('summary').forEach(summary => summary.textContent.trim() || say('a fold without a name', summary));
    document.querySelectorAll('pre').forEach(pre => pre.scrollWidth <= pre.clientWidth + 1 || pre.tabIndex === 0 || say('scrolls, and no key reaches it', pre));
    const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
    ids.forEach((id, i) => ids.indexOf(id) === i || say('an id that occurs twice, ' + id));
    if (document.querySelectorAll('h1').length !== 1) say('not one h1', document.body);
    let level = 1;
    document.querySelectorAll('h1, h2, h3, h4').forEach(h => {
        const own = Number(h.tagName[1]);
        if (own > level + 1) say('a heading leaps', h);
        level = own;
    });
    if (!document.documentElement.lang) say('no language');
    const header = document.querySelector('header');
    const answer = [...header.querySelectorAll('.reason, .tiles, .whole, .next')].map(e => e.getBoundingClientRect().bottom);
    folds.forEach(fold => fold.open = false);
    const screen = {height: Math.max(0, ...answer), pages: document.documentElement.scrollHeight / 800, texts, width, faults: [...new Set(faults)]};
    parent.postMessage('PROBE ' + JSON.stringify(screen) + ' END', '*');
})();
