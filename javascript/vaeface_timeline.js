/* The timeline strip under a prompt box: a bar for each switch, what the prompt says at a step, what is wrong in it.
   Drawn from what the page knows; asks the server nothing. Text goes in by textContent only. */

(function() {
    "use strict";

    const WAIT = 150, MOST_BARS = 12, MOST_NOTES = 4, MOST_WORK = 3e6, ROW = 20, GAP = 4, AXIS = 15, BETWEEN = 18;
    const BOXES = [["txt2img", "txt2img_prompt", "hires_prompt"], ["txt2img", "txt2img_neg_prompt", "hires_neg_prompt"],
        ["txt2img", "hires_prompt", ""], ["txt2img", "hires_neg_prompt", ""], ["img2img", "img2img_prompt", ""],
        ["img2img", "img2img_neg_prompt", ""]];
    const strips = new Map(); // id of a box -> its strip
    const last = {}; // tab -> the prompt box used last
    let timer = 0;

    const one = (selector) => gradioApp().querySelector(selector);
    const areaOf = (id) => one("#" + id + " textarea");
    const inputOf = (id) => one("#" + id + " input:checked") || one("#" + id + " input");
    const numberOf = (id, fallback) => Number((one("#" + id + " input[type=number]") || {}).value || fallback);
    const isOn = (id) => Boolean((one("#" + id + " input[type=checkbox]") || {}).checked);
    const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

    function element(name, attributes, ...children) {
        const svg = /^(svg|g|rect|path|line|text)$/.test(name);
        const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
        Object.keys(attributes).forEach((key) => made.setAttribute(key, attributes[key]));
        made.append(...children); // strings become text
        return made;
    }

    /* What the page is set to */

    function settingsOf(tab) {
        const card = one("[id^=script_" + tab + "_] .vaeface-syntax"), data = card ? card.dataset : {};
        const on = Boolean(card) && JSON.parse(data.on).every(isOn), samplers = JSON.parse(data.samplers || "{}");
        const sampler = (inputOf(tab + "_sampling") || {}).value, hr = (inputOf("hr_sampler") || {}).value;
        const perStep = samplers[sampler] || 1, txt = tab === "txt2img", steps = Math.max(numberOf(tab + "_steps", 20), 1);
        const twice = txt && (isOn("txt2img_hr-checkbox") || isOn("txt2img_hr"));
        return {
            on: on, steps: steps, hires: twice ? numberOf("txt2img_hires_steps", 0) || steps : 0,
            perStep: perStep, hiresPerStep: samplers[hr] || perStep,
            exact: on && (inputOf(data.timing) || {}).value === "exact",
            old: Boolean(opts.use_old_scheduling), fixSteps: Boolean(opts.img2img_fix_steps),
            denoise: txt ? null : numberOf("img2img_denoising_strength", 0.75), batches: numberOf(tab + "_batch_count", 1),
            scripted: !["", "None", undefined].includes((one("#" + tab + "_script_container #script_list input") || {}).value),
        };
    }

    /* What the host takes out before a prompt is read is blank: comments, and <lora:...> unless the prompt is negative. */
    function readable(prompt, negative) {
        const blank = (text) => " ".repeat(text.length), tags = negative ? 0 : prompt.lastIndexOf(">") + 1;
        const kept = prompt.slice(0, tags).replace(/<[\p{L}\p{N}_]+:[^>]+>/gu, blank) + prompt.slice(tags);
        return opts.enable_prompt_comments === false ? kept : kept.replace(/#[^\n]*/g, blank);
    }

    /* Passes, each with its timelines (one for each AND part). */
    function read(text, page, negative, which) {
        return vaefaceSchedule.passes(page).filter((_, i) => which.includes(i)).map(function(pass, i) {
            const asked = Object.assign({negative: negative, extensions: page.on}, pass.asked);
            return Object.assign({lines: vaefaceSchedule.compile(text, asked), second: which[i] === 1}, pass);
        });
    }

    /* Drawing */

    const words = (nodes) => nodes.slice(0, 9).map((node) => typeof node === "string" ? node : "…").join("").trim().slice(0, 60);

    /* The switches of the first pass drawn, in the order of the text, each with its part's number. */
    function barsOf(passes) {
        return [].concat(...passes[0].lines.map((line, part) => line.bound.nodeList.map((node, i) => ({part, node, i}))));
    }

    /* [[option, share], ...] at a place in calls, which may lie between two. */
    function sharesAt(pass, bar, call) {
        const line = pass.lines[bar.part], step = line.clock.step(Math.floor(call));
        if (step === null) return sharesAt(pass, bar, 0);
        const within = bar.node.kind === "stages" ? 0 : (call % 1) * line.clock.steps / (line.clock.exact ? line.clock.calls : line.clock.steps);
        return line.bound.picks.get(line.bound.nodeList[bar.i]).share(Math.min(step + within, line.clock.steps), -Infinity);
    }

    function drawBar(pass, bar, x, width, y) {
        const group = element("g", {}), node = bar.node, pick = pass.lines[bar.part].bound.picks.get(pass.lines[bar.part].bound.nodeList[bar.i]);
        const smooth = node.kind === "blend" || node.kind === "ramp" || node.curve;
        const rect = (from, to, tone) => element("rect", {x: x + from * width / pass.calls, y: y, height: ROW,
            width: (to - from) * width / pass.calls, class: "vaeface-shade-" + tone % 6});
        const label = function(text, from, to, end) {
            const room = (to - from) * width / pass.calls - 8, fits = Math.floor(room / 6.5);
            if (fits < 2 || !text) return;
            const shown = text.length > fits ? text.slice(0, fits - 1) + "…" : text;
            group.append(element("text", {x: x + (end ? to : from) * width / pass.calls + (end ? -4 : 4), y: y + ROW - 6,
                "text-anchor": end ? "end" : "start"}, shown));
        };
        if (!smooth) {
            let from = 0;
            const labels = [];
            for (let call = 1; call <= pass.calls; call++) {
                const option = sharesAt(pass, bar, from)[0][0];
                if (call < pass.calls && sharesAt(pass, bar, call)[0][0] === option) continue;
                group.append(rect(from, call, option));
                labels.push([words(pick.options[option]), from, call]);
                from = call;
            }
            labels.forEach((one) => label(...one));
            return group;
        }
        const fine = Math.max(1, Math.ceil(200 / pass.calls)), points = pass.calls * fine, top = [];
        const heights = pick.weights && pick.weights.map((weight) => Math.abs(weight) / Math.max(...pick.weights.map(Math.abs), 1e-6));
        for (let i = 0; i <= points; i++) {
            const shares = sharesAt(pass, bar, Math.min(i / fine, pass.calls - 1e-6));
            top.push(heights ? [shares.reduce((sum, [option, share]) => sum + share * heights[option], 0)] :
                pick.options.slice(1, 13).map((_, k) => shares.reduce((sum, [option, share]) => sum + (option > k ? share : 0), 0)));
        }
        group.append(rect(0, pass.calls, 0));
        top[0].forEach(function(_, k) {
            const path = top.map((row, i) => (x + i / points * width).toFixed(1) + "," + (y + ROW - clamp(row[k], 0, 1) * ROW).toFixed(1));
            group.append(element("path", {class: "vaeface-shade-" + (k + 1) % 6,
                d: "M" + x + "," + (y + ROW) + "L" + path.join("L") + "L" + (x + width) + "," + (y + ROW) + "Z"}));
        });
        const count = pick.options.length;
        if (heights) {
            label(words(node.texts[0]) + " " + pick.weights.join(" → "), 0, pass.calls);
        } else {
            label(words(pick.options[0]), 0, pass.calls / 2);
            label(words(pick.options[count - 1]), pass.calls / 2, pass.calls, true);
        }
        return group;
    }

    const KINDS = {stages: "switch", turns: "alternation", blend: "blend", ramp: "weight"};

    function draw(strip) {
        const width = strip.root.clientWidth, bars = strip.bars.slice(0, MOST_BARS);
        strip.width = width;
        strip.svg.replaceChildren();
        strip.spans = [];
        if (!width || !bars.length) return;
        const all = strip.passes.reduce((sum, pass) => sum + pass.calls, 0), room = width - BETWEEN * (strip.passes.length - 1);
        const height = bars.length * (ROW + GAP) + AXIS;
        let x = 0;
        strip.passes.forEach(function(pass) {
            const own = Math.max(room * pass.calls / all, 40);
            strip.spans.push({x: x, width: Math.min(own, width - x), pass: pass});
            x += own + BETWEEN;
        });
        const rows = bars.map(function(bar) {
            const texts = bar.node.texts.map(words).map((text) => text || "nothing").slice(0, 6).join(", ");
            return element("g", {class: "vaeface-bar-row", tabindex: "0", role: "button", "data-at": bar.node.at,
                "aria-label": KINDS[bar.node.kind] + ": " + texts + ". Arrow keys read the steps, Enter goes to its place."});
        });
        strip.spans.forEach(function(span) {
            const end = span.x + span.width, base = height - 3, name = span.pass.second ? "hires " : "";
            if (span.pass.second) {
                strip.svg.append(element("line", {class: "vaeface-apart-line", x1: span.x - BETWEEN / 2, x2: span.x - BETWEEN / 2, y1: 0, y2: height}));
            }
            rows.forEach((row, i) => row.append(drawBar(span.pass, bars[i], span.x, span.width, i * (ROW + GAP))));
            strip.svg.append(element("text", {class: "vaeface-axis", x: span.x, y: base}, name + "1"),
                element("text", {class: "vaeface-axis", x: end, y: base, "text-anchor": "end"}, String(span.pass.steps)));
        });
        rows.forEach(function(row, i) {
            row.append(element("rect", {class: "vaeface-frame", x: 0.5, width: width - 1, y: i * (ROW + GAP) + 0.5, height: ROW - 1, rx: 3}));
        });
        strip.svg.append(...rows, strip.cursor, strip.now);
        strip.svg.setAttribute("height", height);
        [strip.cursor, strip.now].forEach((line) => line.setAttribute("y2", height - AXIS));
        moveTo(strip.cursor, null);
        mark(strip);
    }

    function moveTo(line, x) {
        line.style.display = x === null ? "none" : "";
        if (x !== null) line.style.transform = "translateX(" + x.toFixed(1) + "px)";
    }

    /* Place in the drawing of a call; calls count through all passes. */
    function xOf(strip, call) {
        for (const span of strip.spans) {
            if (call < span.pass.calls) return span.x + (call + 0.5) * span.width / span.pass.calls;
            call -= span.pass.calls;
        }
        return null;
    }

    function callAt(strip, x) {
        let before = 0;
        for (const span of strip.spans) {
            if (x < span.x + span.width + BETWEEN / 2 || span === strip.spans[strip.spans.length - 1]) {
                return before + clamp(Math.floor((x - span.x) / span.width * span.pass.calls), 0, span.pass.calls - 1);
            }
            before += span.pass.calls;
        }
        return 0;
    }

    /* What the prompt says at a call, in words. */
    function textAt(strip, call) {
        for (const pass of strip.passes) {
            if (call >= pass.calls) {
                call -= pass.calls;
                continue;
            }
            const step = Math.floor(call * pass.steps / pass.calls) + 1;
            const parts = pass.lines.map(function(line) {
                const texts = Array.from(line.at(call)).sort((a, b) => b[1] - a[1]).slice(0, 4);
                const weight = line.part.times.length ? " :" + line.weightAt(call).toFixed(2) : "";
                return texts.map(([text, share]) => (texts.length > 1 ? Math.round(share * 100) + " % " : "") + text).join("  +  ") + weight;
            });
            return (pass.second ? "hires step " : "step ") + step + " of " + pass.steps + ":  " + parts.join(" AND ");
        }
        return "";
    }

    function show(strip, call) {
        strip.call = call;
        moveTo(strip.cursor, call === null ? null : xOf(strip, call));
        const count = strip.bars.length, left = count - MOST_BARS;
        const quiet = count ? count + (count > 1 ? " switches" : " switch") + (left > 0 ? ", " + left + " not drawn" : "") : "";
        const text = call === null ? quiet : textAt(strip, call).slice(0, 2000);
        if (strip.say.textContent !== text) strip.say.textContent = text;
    }

    /* The step that is being painted, from the page's own progress bar. */
    function mark(strip) {
        const bar = one("#" + strip.tab + "_results .progressDiv .progress"), page = strip.page;
        const share = bar && !page.scripted ? parseFloat(bar.style.width) / 100 : NaN;
        if (bar && bar !== strip.watched) {
            strip.watched = bar;
            new MutationObserver(() => mark(strip)).observe(bar, {attributes: true});
        }
        const count = page.hires ? 2 : 1, place = clamp(share, 0, 0.9999) * count * page.batches, job = Math.floor(place) % count;
        const index = strip.passes.findIndex((pass) => pass.second === (job === 1));
        if (!(share > 0) || index < 0 || !strip.spans.length) {
            moveTo(strip.now, null);
            return;
        }
        const before = index ? strip.passes[0].calls : 0;
        moveTo(strip.now, xOf(strip, before + Math.floor(place % 1 * strip.passes[index].calls)));
    }

    /* Notes: the place underlined in a few words of the text around it, and what is wrong. */

    function noted(strip, note) {
        const item = element("li", {}), text = strip.text, end = Math.min(note.end, note.at + 48);
        if (note.end > note.at) {
            const button = element("button", {type: "button", class: "vaeface-place", title: "Go to its place in the prompt",
                "data-at": note.at, "data-end": note.end},
                (note.at > 12 ? "…" : "") + text.slice(Math.max(note.at - 12, 0), note.at), element("u", {}, text.slice(note.at, end)),
                end < note.end ? "…" : text.slice(end, end + 12));
            item.append(button, " ");
        }
        item.append(note.reason + "." + (note.instead ? " Write " + note.instead + " instead." : ""));
        return item;
    }

    function notesOf(strip) {
        const found = [], seen = new Set();
        strip.passes.forEach((pass) => pass.lines.forEach(function(line) {
            const little = line.part.text.length * line.ends.length < MOST_WORK;
            (little ? line.notes() : line.reading.notes).forEach(function(note) {
                const key = note.at + note.reason;
                if (!seen.has(key)) found.push(note);
                seen.add(key);
            });
        }));
        return found;
    }

    /* The strips */

    function makeStrip(tab, id) {
        const strip = {tab, id, key: "", bars: [], passes: [], spans: [], call: null, watched: null,
            svg: element("svg", {width: "100%"}), say: element("div", {class: "vaeface-say", role: "status"}),
            notes: element("ul", {class: "vaeface-notes"}), cursor: element("line", {class: "vaeface-cursor", y1: 0}),
            now: element("line", {class: "vaeface-now", y1: 0})};
        strip.root = element("div", {class: "vaeface-timeline", role: "group", "aria-label": "Timeline of the prompt"},
            strip.svg, strip.say, strip.notes);
        new ResizeObserver(function() {
            if (!strip.root.hidden && strip.root.clientWidth !== strip.width) requestAnimationFrame(() => draw(strip));
        }).observe(strip.root);
        strip.svg.addEventListener("pointermove", (event) => show(strip, callAt(strip, event.clientX - strip.svg.getBoundingClientRect().left)));
        strip.svg.addEventListener("pointerleave", () => show(strip, null));
        strip.root.addEventListener("focusout", () => show(strip, null));
        strip.root.addEventListener("click", function(event) {
            const target = event.target.closest("[data-at]");
            if (target) jump(strip, target.dataset);
        });
        strip.root.addEventListener("keydown", (event) => keyed(strip, event));
        return strip;
    }

    function keyed(strip, event) {
        const row = event.target.closest(".vaeface-bar-row");
        if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
        const most = strip.passes.reduce((sum, pass) => sum + pass.calls, 0) - 1, now = strip.call === null ? -1 : strip.call;
        const moves = {ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: most};
        if (event.key === "Enter" || event.key === " ") jump(strip, row.dataset);
        else if (event.key in moves) show(strip, clamp(moves[event.key], 0, most));
        else return;
        event.preventDefault();
    }

    /* The caret goes to a place, and the box scrolls there: browsers do that when it gets the focus. */
    function jump(strip, {at, end}) {
        const area = areaOf(strip.id);
        area.blur();
        area.setSelectionRange(Number(at), Number(end || at));
        area.focus();
    }

    function update(tab, id, hiresId, page) {
        const area = areaOf(id), box = area && one("#" + id);
        if (!area) return;
        const negative = id.includes("neg"), second = id.startsWith("hires");
        const own = hiresId && areaOf(hiresId) && areaOf(hiresId).value.trim();
        const which = second ? (page.hires ? [1] : []) : page.hires && !own ? [0, 1] : [0], key = JSON.stringify([area.value, page, which]);
        let strip = strips.get(id);
        if (strip && strip.root.parentNode === box && strip.key === key) {
            mark(strip);
            return;
        }
        if (!strip) {
            if (!/[[(\\:]/.test(area.value)) return; // nothing to see: most prompts
            strip = makeStrip(tab, id);
            strips.set(id, strip);
        }
        if (strip.root.parentNode !== box) box.append(strip.root);
        Object.assign(strip, {key: key, page: page, text: readable(area.value, negative)});
        strip.passes = read(strip.text, page, negative, which);
        strip.bars = strip.passes.length ? barsOf(strip.passes) : [];
        const weighed = strip.passes.some((pass) => pass.lines.some((line) => line.part.times.length));
        const notes = notesOf(strip), shown = notes.slice(0, MOST_NOTES).map((note) => noted(strip, note));
        if (notes.length > MOST_NOTES) shown.push(element("li", {}, notes.length - MOST_NOTES + " more."));
        if (!page.on && strip.passes.length && read(strip.text, {...page, on: true}, negative, which)[0].lines.some((line) => line.extended)) {
            shown.push(element("li", {class: "vaeface-hint"}, "VAE Face's schedule is off: its forms in this prompt are plain text."));
        }
        strip.root.hidden = !(strip.bars.length || shown.length || weighed);
        strip.notes.replaceChildren(...shown);
        draw(strip);
        show(strip, null);
    }

    function look() {
        timer = 0;
        if (typeof opts === "undefined") return;
        const pages = {txt2img: settingsOf("txt2img"), img2img: settingsOf("img2img")};
        BOXES.forEach(([tab, id, hiresId]) => update(tab, id, hiresId, pages[tab]));
    }

    function later() {
        clearTimeout(timer);
        timer = setTimeout(() => requestAnimationFrame(look), WAIT);
    }

    /* The syntax card: its examples go into the prompt box used last, at the caret. */

    function insert(card, text) {
        const tab = card.closest("[id^=script_img2img_]") ? "img2img" : "txt2img", area = last[tab] && last[tab].isConnected ? last[tab] : areaOf(tab + "_prompt");
        const start = area.selectionStart, before = area.value.slice(0, start);
        area.setRangeText((/\S$/.test(before) ? " " : "") + text, start, area.selectionEnd, "end");
        updateInput(area);
        area.focus();
    }

    document.addEventListener("click", function(event) {
        const button = event.target instanceof Element && event.target.closest(".vaeface-example");
        if (button) insert(button, button.textContent);
        later();
    });
    document.addEventListener("focusin", function(event) {
        const box = event.target instanceof HTMLTextAreaElement && BOXES.find(([, id]) => event.target === areaOf(id));
        if (box) last[box[0]] = event.target;
    });
    ["input", "change", "keyup"].forEach((kind) => document.addEventListener(kind, later, true));
    onUiLoaded(later);
    onAfterUiUpdate(later);
    onOptionsChanged(later);
})();
