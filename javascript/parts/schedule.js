/* Timelines: what a prompt says at each model call of a pass, equal to what lib_vaeface/schedule gives on the server, which
   has the reasons. Knows no page. tests/browser/test_timeline_cases.py holds the two together. */

(function() {
    "use strict";

    const {Clock, clamp, mix, number} = globalThis.vaefaceClock, {size} = globalThis.vaefaceForms;
    const {harmless, placesOf, read, split} = globalThis.vaefaceReading;
    const LIMIT = 64, CHARACTERS = 500000;

    /* A tree bound to a clock (evaluate.py). Keys are [place, whether it is minus a sigma]. */
    class Bound {
        constructor(nodes, clock) {
            Object.assign(this, {nodes, clock, cuts: new Uint8Array(clock.steps + 1), levels: new Set(), most: 0,
                geometries: new Set(), nodeList: [], picks: new Map()});
            this.cuts[clock.steps] = 1;
            const stack = [[nodes, 0]];
            while (stack.length) {
                const top = stack[stack.length - 1], node = top[0][top[1]++];
                if (node === undefined) stack.pop();
                if (node === undefined || typeof node === "string") continue;
                this.nodeList.push(node);
                this.picks.set(node, this.bind(node));
                for (let i = node.texts.length - 1; i >= 0; i--) stack.push([node.texts[i], 0]);
            }
        }

        /* {options, share(step, level) -> [[option, weight], ...], and what describes it}. */
        bind(node) {
            const curve = node.curve, count = node.texts.length;
            if (curve || node.kind === "blend" || node.kind === "ramp") {
                this.geometries.add(curve === "slerp" ? "slerp" : "linear");
            }
            if (node.kind === "turns") {
                const hold = node.times.length ? this.clock.hold(node.times[0]) : 1;
                this.cut(0, this.clock.steps);
                return {options: node.texts, hold, share: (step) => turnAt(hold, curve, count, step)};
            }
            if (node.kind === "stages") {
                const keys = this.stageKeys(node);
                keys.forEach(function([place, bySigma]) {
                    if (bySigma) this.levels.add(-place);
                    else if (place >= 1) this.cuts[place] = 1;
                }, this);
                return {options: node.texts, keys, share: function(step, level) {
                    const found = keys.findIndex(([place, bySigma]) => (bySigma ? level : step) <= place);
                    return [[found < 0 ? count - 1 : found, 1]];
                }};
            }
            const keys = this.keys(node.times), share = (step, level) => mixAt(keys, curve, step, level);
            if (node.kind === "blend") return {options: node.texts, keys, share};
            const values = node.weights.map((weight) => clamp(Number(weight), -1e6, 1e6));
            return {options: values.map((weight) => weighted(node.texts[0], weight)), keys, share, weights: values};
        }

        stageKeys(node) {
            const plain = node.times.map((t) => t.unit === "s" ? {text: "0", unit: ""} : t);
            const places = this.clock.positions(plain, true);
            return node.times.map((t, i) => t.unit === "s" ? [-number(t), true] : [this.clock.whole(places[i]), false]);
        }

        /* Places of blended keys, none before its predecessor. */
        keys(times) {
            const bySigma = times[0].unit === "s";
            const places = bySigma ? times.map((t) => -number(t)) : this.clock.positions(times);
            if (bySigma) places.forEach((place) => this.levels.add(-place));
            else this.cut(places[0], places.reduce((a, b) => Math.max(a, b)));
            let latest = -Infinity;
            return places.map((place) => [latest = Math.max(latest, place), bySigma]);
        }

        cut(start, end) {
            const steps = this.clock.steps, from = clamp(Math.floor(start), 1, steps);
            const last = Math.min(Math.ceil(end), steps);
            if (last >= from) this.cuts.fill(1, from, last + 1);
        }

        /* Map of text -> weight at a step; level is minus sigma. */
        at(step, level) {
            const moment = new Moment(this.picks, step, level), base = moment.walk(this.nodes, heaviest);
            if (!base.forks.length) return new Map([[base.text, 1]]);
            const outer = base.forks.slice(0, LIMIT).filter((fork) => fork.share === 1);
            const least = Math.max(outer.reduce((all, fork) => all * fork.options.length, 1),
                base.forks.reduce((all, fork) => all + fork.options.length - 1, 1));
            const exact = least <= LIMIT ? moment.corners(this.nodes) : null;
            if (!exact) this.most = Math.max(this.most, base.forks.length);
            return exact || moment.firstOrder(base);
        }
    }

    const weighted = (body, weight) => ["("].concat(body, ":" + emphasis(weight) + ")");

    /* Four digits at most; halves go to the even one, as Python has it. */
    function emphasis(weight) {
        let shown = weight.toFixed(4);
        if (Math.abs(weight * 32) % 2 === 1) {
            const floor = Math.floor(Math.abs(weight) * 1e4);
            shown = (weight < 0 ? "-" : "") + ((floor + floor % 2) / 1e4).toFixed(4);
        }
        shown = shown.replace(/\.?0+$/, "");
        return shown === "" || shown === "-0" || shown === "-" ? "0" : shown;
    }

    function turnAt(hold, curve, count, step) {
        const turns = (step - 1) / hold, whole = Math.floor(turns + 1e-9), fade = Math.max(turns - whole, 0);
        return !curve || fade < 1e-9 ? [[whole % count, 1]] : mix(curve, whole % count, fade, count, true);
    }

    function mixAt(keys, curve, step, level) {
        const moment = keys[0][1] ? level : step;
        if (moment <= keys[0][0]) return [[0, 1]];
        for (let i = 0; i + 1 < keys.length; i++) {
            const start = keys[i][0], end = keys[i + 1][0];
            if (moment <= end) return mix(curve, i, (moment - start) / (end - start), keys.length);
        }
        return [[keys.length - 1, 1]];
    }

    const heaviest = (options) => options.reduce((best, one, i) => one[0] > options[best][0] ? i : best, 0);

    /* A tree at one step and noise level. */
    class Moment {
        constructor(picks, step, level) {
            Object.assign(this, {picks, step, level, choices: new Map(), stretches: new Map(), base: ""});
        }

        walk(nodes, decide) {
            const pieces = [], forks = [], stack = [{nodes, next: 0, share: 1, fork: null}];
            let weight = 1;
            while (stack.length) {
                const top = stack[stack.length - 1], node = top.nodes[top.next++];
                if (node === undefined) {
                    stack.pop();
                    if (top.fork) top.fork.end = pieces.length;
                } else if (typeof node === "string") {
                    pieces.push(node);
                } else if (this.stretches.has(node)) {
                    pieces.push(this.base.slice(...this.stretches.get(node)));
                } else {
                    const options = this.optionsOf(node);
                    if (options.length === 1) {
                        stack.push({nodes: options[0][1], next: 0, share: top.share, fork: null});
                        continue;
                    }
                    const fork = {node, options, chosen: decide(options), share: top.share, start: pieces.length};
                    const [part, chosen] = options[fork.chosen];
                    forks.push(fork);
                    weight *= part;
                    stack.push({nodes: chosen, next: 0, share: top.share * part, fork});
                }
            }
            return {pieces, forks, weight, text: pieces.join("")};
        }

        optionsOf(node) {
            if (!this.choices.has(node)) {
                const pick = this.picks.get(node);
                this.choices.set(node, pick.share(this.step, this.level).map(([i, weight]) => [weight, pick.options[i]]));
            }
            return this.choices.get(node);
        }

        /* Every combination; null when there are more than LIMIT. */
        corners(nodes) {
            const found = new Map(), path = [];
            for (let n = 0; n < LIMIT; n++) {
                let ahead = 0;
                const walk = this.walk(nodes, () => ahead < path.length ? path[ahead++] : 0);
                add(found, walk.text, walk.weight);
                path.splice(0, path.length, ...walk.forks.map((fork) => fork.chosen));
                while (path.length && path[path.length - 1] + 1 === walk.forks[path.length - 1].options.length) path.pop();
                if (!path.length) return found;
                path[path.length - 1]++;
            }
            return null;
        }

        firstOrder(base) {
            const others = [], starts = [0];
            base.pieces.forEach((piece, i) => starts.push(starts[i] + piece.length));
            base.forks.forEach(function(fork) {
                this.stretches.set(fork.node, [starts[fork.start], starts[fork.end]]);
                fork.options.forEach(function([weight, nodes], i) {
                    if (i !== fork.chosen) others.push([fork.share * weight, fork, nodes]);
                });
            }, this);
            this.base = base.text;
            const found = new Map([[base.text, 1]]);
            const kept = Math.min(LIMIT - 1, 1 + Math.floor(CHARACTERS / (size(base.text) + 1)));
            others.sort((a, b) => Math.abs(b[0]) - Math.abs(a[0])).slice(0, kept).forEach(function([weight, fork, nodes]) {
                const inner = this.walk(nodes, heaviest).text;
                add(found, base.text.slice(0, starts[fork.start]) + inner + base.text.slice(starts[fork.end]), weight);
                add(found, base.text, -weight);
            }, this);
            return found;
        }
    }

    function add(weights, text, weight) {
        weights.set(text, (weights.get(text) || 0) + weight);
    }

    /* One prompt, or one part of it composed with AND, over one pass (timeline.py). */
    class Timeline {
        constructor(part, reading, clock) {
            Object.assign(this, {part, reading, clock, bound: new Bound(reading.nodes, clock)});
            this.partKeys = part.times.length ? new Bound([], clock).keys(part.times) : [];
            this.ends = [];
            for (let step = 1; step <= clock.steps; step++) if (this.bound.cuts[step]) this.ends.push(step);
            this.extended = reading.extended || part.times.length > 0;
            this.kept = new Map();
        }

        /* Texts and weights of the piece that ends at a step. */
        piece(end) {
            if (!this.kept.has(end)) {
                const found = new Map();
                this.kept.set(end, found);
                this.bound.at(end, -Infinity).forEach((weight, text) => {
                    const safe = harmless(text);
                    this.changed = this.changed || safe !== text;
                    add(found, safe, weight);
                });
            }
            return this.kept.get(end);
        }

        /* Map of text -> weight at a model call, from 0. */
        at(call) {
            const step = this.clock.step(call);
            return this.piece(step === null ? this.ends[0] : this.ends.find((end) => step <= end));
        }

        weightAt(call) {
            const {weights, times, curve} = this.part;
            if (!times.length) return weights[0];
            const shares = mixAt(this.partKeys, curve, this.clock.step(call) || 1, -Infinity);
            return shares.reduce((all, [i, share]) => all + weights[i] * share, 0);
        }

        /* Those of reading, then those that only all pieces can tell. */
        notes() {
            const late = (reason) => ({line: 1, column: 1, reason, instead: "", at: 0, end: 0});
            this.ends.forEach((end) => this.piece(end));
            const most = this.bound.most, found = this.reading.notes.slice();
            if (most) {
                found.push(late(most + " transitions run at once: mixed to first order, from at most " + LIMIT + " texts"));
            }
            if (this.bound.geometries.size > 1) {
                found.push(late("a blend asks for slerp, so all blends of this prompt are mixed on the sphere"));
            }
            const told = found.some((note) => note.reason.includes("is no number"));
            if (this.changed && !told) found.push(late("at some step a weight is no number: the WebUI would stop; it stays text"));
            return found;
        }
    }

    /* One timeline per AND part. asked: {steps, hires (null in the first pass), negative, old, exact, calls, extensions},
       as compile_prompt in compile.py has them. */
    function compile(prompt, asked) {
        const extensions = asked.extensions !== false, old = Boolean(asked.old), first = asked.old || !asked.hires;
        const own = first ? asked.steps : asked.hires;
        const clock = new Clock(own, asked.calls || own, first ? null : asked.steps, old, Boolean(asked.exact));
        const parts = asked.negative ? [{text: prompt, offset: 0, weights: [1], times: [], curve: ""}] : split(prompt, extensions);
        const place = placesOf(prompt);
        return parts.map(function(part, i) {
            const reading = read(part.text, extensions, place, part.offset);
            if (i < parts.length - 1 && reading.leftOpen >= 0) {
                const at = part.offset + reading.leftOpen, [line, column] = place(at);
                reading.notes.push({line, column, at, end: part.offset + part.text.length, instead: "",
                    reason: "AND cuts this bracket in two: it works outside brackets only"});
            }
            return new Timeline(part, reading, clock);
        });
    }

    /* What `compile` is asked for each pass of a page, and the steps and model calls that the host really makes of it.
       page: {steps, hires (steps of the second pass or 0), perStep, hiresPerStep (model calls), exact, old, denoise (null
       in txt2img), fixSteps (the host's img2img_fix_steps)}. */
    function passes(page) {
        const {steps, hires, perStep, hiresPerStep, exact, old, denoise, fixSteps} = page;
        const partly = denoise !== null && !fixSteps;
        const made = partly ? Math.trunc(Math.min(denoise, 0.999) * steps) + 1 : steps, calls = made * perStep;
        const asked = exact ? {steps: made, exact, calls, old} : {steps: steps * perStep, old};
        const found = [{asked, steps: made, calls, second: false}];
        if (hires) {
            const second = hires * hiresPerStep;
            const own = exact ? {hires, calls: second} : {hires: second};
            found.push({asked: Object.assign({}, asked, own), steps: hires, calls: second, second: true});
        }
        return found;
    }

    globalThis.vaefaceSchedule = {compile, passes};
})();
