/* The timeline strip under a prompt box: a bar for each switch, what the prompt says at a step, what is wrong in it.
   Drawn from what the page knows; asks the server nothing. Text goes in as text, never as markup. */

(function() {
    "use strict";

    const WAIT = 150, MOST_BARS = 12, MOST_NOTES = 4, MOST_WORK = 3e6, ROW = 20, PITCH = 24, AXIS = 15, BETWEEN = 18;
    const KINDS = {stages: "switch", turns: "alternation", blend: "blend", ramp: "weight"};
    const BOXES = { // tab, box of the second pass's own prompt; "hires" boxes are that
        txt2img_prompt: ["txt2img", "hires_prompt"], txt2img_neg_prompt: ["txt2img", "hires_neg_prompt"],
        hires_prompt: ["txt2img"], hires_neg_prompt: ["txt2img"], img2img_prompt: ["img2img"], img2img_neg_prompt: ["img2img"],
    };
    const strips = {}; // by box
    let timer = 0;

    const one = (selector) => gradioApp().querySelector(selector);
    const areaOf = (id) => one("#" + id + " textarea");
    const valueOf = (id) => (one("#" + id + " input:checked") || one("#" + id + " input") || {}).value;
    const numberOf = (id, fallback) => Number((one("#" + id + " input[type=number]") || {}).value || fallback);
    const isOn = (id) => Boolean((one("#" + id + " input[type=checkbox]") || {}).checked);
    const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

    function element(name, attributes, ...children) {
        const svg = ["svg", "g", "rect", "path", "line", "text"].includes(name);
        const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
        Object.keys(attributes || {}).forEach((key) => made.setAttribute(key, attributes[key]));
        made.append(...children);
        return made;
    }

    /* Reading: what the page is set to, and what its prompts say */

    function settingsOf(tab) {
        const card = one("[id^=script_" + tab + "_] .vaeface-syntax"), data = card ? card.dataset : {samplers: "{}"};
        const on = Boolean(card) && JSON.parse(data.on).every(isOn), samplers = JSON.parse(data.samplers);
        const txt = tab === "txt2img", steps = Math.max(numberOf(tab + "_steps", 20), 1);
        const perStep = samplers[valueOf(tab + "_sampling")] || 1;
        return {
            on: on, ours: on && !opts.vaeface_native_syntax, exact: on && valueOf(data.timing) === "exact", old: Boolean(opts.use_old_scheduling),
            steps: steps, hires: txt && isOn("txt2img_hr-checkbox") ? numberOf("txt2img_hires_steps", 0) || steps : 0,
            perStep: perStep, hiresPerStep: samplers[valueOf("hr_sampler")] || perStep,
            denoise: txt ? null : numberOf("img2img_denoising_strength", 0), fixSteps: Boolean(opts.img2img_fix_steps),
            batches: numberOf(tab + "_batch_count", 1), plots: (valueOf(tab + "_script_container #script_list") || "None") !== "None",
        };
    }

    /* What the host takes out before a prompt is read is blank: comments, and <lora:...> unless the prompt is negative. */
    function readable(prompt, negative) {
        const blank = (text) => " ".repeat(text.length), tags = negative ? 0 : prompt.lastIndexOf(">") + 1;
        const kept = prompt.slice(0, tags).replace(/<[\p{L}\p{N}_]+:[^>]+>/gu, blank) + prompt.slice(tags);
        return opts.enable_prompt_comments === false ? kept : kept.replace(/#[^\n]*/g, blank);
    }

    /* Passes, each with its timelines (one for each AND part) and its bars, in the order of the text. */
    function read(text, page, negative, which) {
        return vaefaceSchedule.passes(page).filter((pass) => which.includes(pass.second)).map(function(pass) {
            const lines = vaefaceSchedule.compile(text, Object.assign({negative, extensions: page.ours}, pass.asked));
            const bars = lines.flatMap((line) => line.bound.nodeList.map((node) => ({line, node, pick: line.bound.picks.get(node)})));
            return Object.assign({lines, bars}, pass);
        });
    }

    function notesOf(strip) {
        const found = new Map();
        strip.passes.forEach((pass) => pass.lines.forEach(function(line) {
            const little = line.part.text.length * line.ends.length < MOST_WORK;
            (little ? line.notes() : line.reading.notes).forEach((note) => found.set(note.at + note.reason, note));
        }));
        return Array.from(found.values());
    }

    /* What the prompt says at a call, in words; calls count through all passes. */
    function textAt(strip, call) {
        const [pass, own] = passAt(strip, call), step = Math.floor(own * pass.steps / pass.calls) + 1;
        const parts = pass.lines.map(function(line) {
            const texts = Array.from(line.at(own)).sort((a, b) => b[1] - a[1]).slice(0, 4);
            const share = (part) => texts.length > 1 ? Math.round(part * 100) + " % " : "";
            const weight = line.part.times.length ? " :" + line.weightAt(own).toFixed(2) : "";
            return texts.map(([text, part]) => share(part) + text.replace(/ {3,}/g, " ")).join("  +  ") + weight;
        });
        return (pass.second ? "hires step " : "step ") + step + " of " + pass.steps + ":  " + parts.join(" AND ");
    }

    function passAt(strip, call) {
        const first = strip.passes[0], within = call < first.calls || !strip.passes[1];
        return within ? [first, call] : [strip.passes[1], call - first.calls];
    }

    /* Drawing */

    const words = (nodes) => nodes.slice(0, 9).map((node) => typeof node === "string" ? node : "…").join("").trim().slice(0, 60);

    /* [[option, share], ...] at a place in calls, which may lie between two. */
    function sharesAt(pass, bar, call) {
        const clock = bar.line.clock, step = clock.step(Math.floor(call)) || 1;
        const more = call % 1 * (clock.exact ? clock.steps / clock.calls : 1);
        return bar.pick.share(Math.min(step + more, clock.steps), -Infinity);
    }

    function drawBar(pass, bar, x, y) {
        const unit = pass.width / pass.calls, options = bar.pick.options, texts = options.map(words), weights = bar.pick.weights;
        const shade = (option) => "vaeface-shade-" + (texts[option] || weights ? option % 6 : "none");
        const main = (call) => sharesAt(pass, bar, call).reduce((best, share) => share[1] > best[1] ? share : best)[0];
        const made = [], frame = element("rect", {class: "vaeface-frame", x, width: pass.width, y, height: ROW, rx: 3});
        const label = function(text, from, to, end) {
            const most = Math.floor(((to - from) * unit - 8) / 6.5);
            if (most < 2 || !text) return;
            made.push(element("text", {x: x + (end ? to * unit - 4 : from * unit + 4), y: y + ROW - 6, "text-anchor": end ? "end" : "start"},
                text.length > most ? text.slice(0, most - 1) + "…" : text));
        };
        if (bar.node.kind !== "blend" && bar.node.kind !== "ramp" && !bar.node.curve) {
            const choice = Array.from({length: pass.calls}, (_, call) => main(call));
            choice.forEach(function(option, from) {
                if (choice[from - 1] === option) return;
                const next = choice.findIndex((other, call) => call > from && other !== option), to = next < 0 ? pass.calls : next;
                made.push(element("rect", {class: shade(option), x: x + from * unit, width: (to - from) * unit, y, height: ROW}));
                label(texts[option], from, to);
            });
            return [...made, frame];
        }
        const points = pass.calls * Math.max(1, Math.ceil(200 / pass.calls)), shown = weights ? [0] : options.slice(1, 13).map((_, i) => i + 1);
        const tallest = weights && Math.max(...weights.map(Math.abs), 1e-6);
        const rows = Array.from({length: points + 1}, (_, i) => sharesAt(pass, bar, Math.min(i / points, 1 - 1e-9) * pass.calls));
        const height = (shares, from) => clamp(shares.reduce((sum, [option, share]) =>
            sum + (weights ? share * Math.abs(weights[option]) / tallest : option >= from ? share : 0), 0), 0, 1);
        if (!weights) made.push(element("rect", {class: shade(0), x, width: pass.width, y, height: ROW}));
        shown.forEach(function(from) {
            const line = rows.map((shares, i) => (x + i / points * pass.width).toFixed(1) + " " + (y + ROW * (1 - height(shares, from))).toFixed(1));
            made.push(element("path", {class: shade(weights ? 1 : from), d: `M${x} ${y + ROW}L${line.join("L")}L${x + pass.width} ${y + ROW}Z`}));
        });
        const start = main(0), end = main(pass.calls - 1), half = start === end || weights ? pass.calls : pass.calls / 2;
        label(weights ? words(bar.node.texts[0]) + " " + weights.join(" → ") : texts[start], 0, half);
        if (half < pass.calls) label(texts[end], half, pass.calls, true);
        return [...made, frame];
    }

    function draw(strip) {
        const {passes, svg} = strip, width = strip.width = strip.root.clientWidth, bars = passes.length ? passes[0].bars.slice(0, MOST_BARS) : [];
        svg.replaceChildren();
        svg.style.display = bars.length ? "" : "none";
        if (!width || !bars.length) return;
        const all = passes.reduce((sum, pass) => sum + pass.calls, 0), height = bars.length * PITCH + AXIS;
        const rows = bars.map(function({node}) {
            const texts = node.texts.slice(0, 6).map((text) => words(text) || "nothing").join(", ");
            return element("g", {class: "vaeface-switch", tabindex: 0, role: "button", "data-at": node.at,
                "aria-label": KINDS[node.kind] + ": " + texts + ". Arrow keys read the steps, Enter goes to its place."});
        });
        let x = 0;
        passes.forEach(function(pass) {
            pass.width = (width - BETWEEN * (passes.length - 1)) * pass.calls / all;
            pass.x = x;
            rows.forEach((row, i) => row.append(...drawBar(pass, pass.bars[i], x, i * PITCH)));
            const axis = {class: "vaeface-axis", y: height - 3};
            svg.append(element("text", {...axis, x}, pass.second ? "hires 1" : "1"),
                element("text", {...axis, x: x + pass.width, "text-anchor": "end"}, String(pass.steps)));
            if (x) svg.append(element("line", {class: "vaeface-second", x1: x - BETWEEN / 2, x2: x - BETWEEN / 2, y1: 0, y2: height}));
            x += pass.width + BETWEEN;
        });
        svg.append(...rows, strip.cursor, strip.now);
        svg.setAttribute("height", height);
        [strip.cursor, strip.now].forEach((line) => line.setAttribute("y2", height - AXIS));
    }

    function moveTo(strip, line, call) {
        const shown = call !== null && strip.passes.length > 0 && strip.width > 0;
        line.style.display = shown ? "" : "none";
        if (!shown) return;
        const [pass, own] = passAt(strip, call);
        line.style.transform = "translateX(" + (pass.x + (own + 0.5) * pass.width / pass.calls).toFixed(1) + "px)";
    }

    function show(strip, call) {
        const count = strip.passes.length ? strip.passes[0].bars.length : 0, left = count - MOST_BARS;
        const quiet = count + (count === 1 ? " switch" : " switches") + (left > 0 ? ", " + left + " not drawn" : "");
        const text = call !== null && strip.passes.length ? textAt(strip, call).slice(0, 2000) : count ? quiet : "";
        strip.call = call;
        moveTo(strip, strip.cursor, call);
        strip.say.classList.toggle("vaeface-reading", call !== null);
        if (strip.say.textContent !== text) strip.say.textContent = text;
    }

    /* The step that is being painted, from the page's own progress bar: its width is (jobs done + share of this) / jobs. */
    function mark(strip) {
        const bar = one("#" + strip.tab + "_results .progressDiv .progress"), {hires, batches, plots} = strip.page;
        if (bar && bar !== strip.watched) new MutationObserver(() => mark(strip)).observe(bar, {attributes: true});
        strip.watched = bar;
        const share = bar && !plots ? parseFloat(bar.style.width) / 100 : 0, count = hires ? 2 : 1;
        const done = Math.min(share, 0.9999) * count * batches, second = Math.floor(done) % count === 1;
        const index = strip.passes.findIndex((pass) => pass.second === second);
        const before = index > 0 ? strip.passes[0].calls : 0;
        moveTo(strip, strip.now, share > 0 && index >= 0 ? before + Math.floor(done % 1 * strip.passes[index].calls) : null);
    }

    /* The place underlined, in a few words of the text around it, and what is wrong. */
    function noted(text, note) {
        const item = element("li"), end = Math.min(note.end, note.at + 48), from = Math.max(note.at - 12, 0);
        if (note.end > note.at) {
            item.append(element("button", {type: "button", class: "vaeface-place", title: "Go to its place in the prompt",
                "data-at": note.at, "data-end": note.end}, (from ? "…" : "") + text.slice(from, note.at),
            element("u", {}, text.slice(note.at, end)), end < note.end ? "…" : text.slice(end, end + 12)), " ");
        }
        item.append(note.reason + "." + (note.instead ? " Write " + note.instead + " instead." : ""));
        return item;
    }

    /* The strips */

    function makeStrip(id, tab) {
        const strip = {id, tab, key: "", passes: [], call: null, watched: null, width: 0, svg: element("svg", {width: "100%"}),
            say: element("span", {role: "status"}), notes: element("ul", {class: "vaeface-notes"}),
            cursor: element("line", {class: "vaeface-cursor"}), now: element("line", {class: "vaeface-now"})};
        const root = strip.root = element("div", {class: "vaeface-timeline", role: "group", "aria-label": "Timeline of the prompt"},
            strip.svg, element("div", {class: "vaeface-say"}, strip.say), strip.notes);
        new ResizeObserver(() => {
            if (root.clientWidth && root.clientWidth !== strip.width) requestAnimationFrame(() => refresh(strip));
        }).observe(root);
        strip.svg.addEventListener("pointermove", function(event) {
            const x = event.clientX - strip.svg.getBoundingClientRect().left, [first, hires] = strip.passes;
            const pass = hires && x > hires.x - BETWEEN / 2 ? hires : first, before = pass === first ? 0 : first.calls;
            show(strip, before + clamp(Math.floor((x - pass.x) / pass.width * pass.calls), 0, pass.calls - 1));
        });
        ["pointerleave", "focusout"].forEach((kind) => strip.svg.addEventListener(kind, () => show(strip, null)));
        root.addEventListener("keydown", (event) => keyed(strip, event));
        root.addEventListener("click", function(event) {
            const target = event.target.closest("[data-at]");
            if (target) jump(id, target.dataset);
        });
        return strip;
    }

    function keyed(strip, event) {
        const bar = event.target.closest(".vaeface-switch"), now = strip.call === null ? -1 : strip.call;
        if (!bar || event.ctrlKey || event.metaKey || event.altKey) return;
        const most = strip.passes.reduce((sum, pass) => sum + pass.calls, 0) - 1;
        const moves = {ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: most};
        if (event.key === "Enter" || event.key === " ") jump(strip.id, bar.dataset);
        else if (event.key in moves) show(strip, clamp(moves[event.key], 0, most));
        else return;
        event.preventDefault();
    }

    /* The caret goes to a place, and the box scrolls there: browsers do that when it gets the focus. */
    function jump(id, {at, end}) {
        const area = areaOf(id);
        area.blur();
        area.setSelectionRange(Number(at), Number(end || at));
        area.focus();
    }

    function refresh(strip) {
        draw(strip);
        show(strip, null);
        mark(strip);
    }

    function update(id, page) {
        const [tab, hiresId] = BOXES[id], area = areaOf(id), box = one("#" + id), second = id.startsWith("hires");
        if (!area) return;
        const own = hiresId && areaOf(hiresId) && areaOf(hiresId).value.trim(), negative = id.includes("neg");
        const which = [second, ...page.hires && !own ? [true] : []], key = JSON.stringify([area.value, page, which]);
        if (opts.vaeface_timeline === false) {
            if (strips[id]) strips[id].root.remove();
            return;
        }
        const strip = strips[id] || (/[[(\\:]/.test(area.value) ? strips[id] = makeStrip(id, tab) : null);
        if (!strip) return; // most prompts
        if (strip.root.parentNode !== box) box.append(strip.root);
        if (strip.key === key) {
            mark(strip);
            return;
        }
        const text = readable(area.value, negative), pass = read(text, page, negative, which);
        Object.assign(strip, {key, page, passes: pass});
        const notes = notesOf(strip), shown = notes.slice(0, MOST_NOTES).map((note) => noted(area.value.replace(/\n/g, " "), note));
        if (notes.length > MOST_NOTES) shown.push(element("li", {}, notes.length - MOST_NOTES + " more."));
        if (!page.ours && read(text, {...page, ours: true}, negative, which).some((one) => one.lines.some((line) => line.extended))) {
            const why = page.on ? "The settings say: the WebUI's own syntax only" : "VAE Face's schedule is off";
            shown.push(element("li", {class: "vaeface-hint"}, why + ", so its forms in this prompt are plain text."));
        }
        const weighed = pass.some((one) => one.lines.some((line) => line.part.times.length));
        strip.root.hidden = !(pass.length && (pass[0].bars.length || weighed) || shown.length);
        strip.notes.replaceChildren(...shown);
        refresh(strip);
    }

    function look() {
        const pages = {txt2img: settingsOf("txt2img"), img2img: settingsOf("img2img")};
        Object.keys(BOXES).forEach((id) => update(id, pages[BOXES[id][0]]));
        count(Object.keys(pages));
    }

    /* How many switches each tab's prompt has, for the panel's header. */
    function count(tabs) {
        const passes = (tab) => opts.vaeface_timeline === false ? null : strips[tab + "_prompt"]?.passes;
        const found = Object.fromEntries(tabs.map((tab) => [tab, passes(tab)?.[0]?.bars.length]));
        const changed = JSON.stringify(found) !== JSON.stringify(window.vaefaceSwitches);
        window.vaefaceSwitches = found;
        if (changed) window.vaefaceStatus?.();
    }

    function later() {
        clearTimeout(timer);
        timer = setTimeout(() => requestAnimationFrame(look), WAIT);
    }

    ["input", "change", "keyup", "click"].forEach((kind) => document.addEventListener(kind, later, true));
    setInterval(() => document.hidden || look(), 2000); // what the WebUI fills in without changing an element
    onAfterUiUpdate(later);
    onOptionsChanged(later);
    later();
})();
