/* Reading a prompt: the same tree and notes as lib_vaeface/schedule/{grammar,parts,notes}.py gives, which have the grammar
   and the reasons. Knows no page. Linear time, any depth, never an exception. */

(function() {
    "use strict";

    const {SPACES, backwards, hint, mixedKinds, refuse, settle, strip, weights} = globalThis.vaefaceForms;
    const {CURVES} = globalThis.vaefaceClock;
    const WEIGHT = new RegExp(":" + SPACES + "*([+-]?[.\\p{Nd}]+)" + SPACES + "*\\)", "gu");
    const PART = new RegExp("^" + SPACES + "*([-+]?(?:\\p{Nd}+\\.?|\\p{Nd}*\\.\\p{Nd}+))$", "u");
    const LETTER = /[\p{L}\p{N}_]$/u;

    /* Offsets to lines and columns, counted in code points. */
    function placesOf(text) {
        const starts = [0], before = /[\ud800-\udbff]/.test(text) ? new Uint32Array(text.length + 1) : null;
        for (let i = text.indexOf("\n"); i >= 0; i = text.indexOf("\n", i + 1)) starts.push(i + 1);
        for (let i = 0; before && i < text.length; i++) {
            before[i + 1] = before[i] + (i && /^[\ud800-\udbff][\udc00-\udfff]/.test(text.slice(i - 1, i + 1)) ? 0 : 1);
        }
        return function(at) {
            let low = 0, high = starts.length;
            while (high - low > 1) {
                const middle = (low + high) >> 1;
                if (starts[middle] <= at) low = middle; else high = middle;
            }
            return [low + 1, (before ? before[at] - before[starts[low]] : at - starts[low]) + 1];
        };
    }

    /* The text's pieces with neighbouring strings made one. */
    function joined(pieces) {
        const out = [];
        let words = [];
        pieces.concat(null).forEach(function(piece) {
            if (typeof piece === "string") {
                words.push(piece);
                return;
            }
            if (words.length) out.push(words.join(""));
            words = [];
            if (piece) out.push(piece);
        });
        return out;
    }

    const isNumber = (text) => /^[+-]?(?:\p{Nd}+\.?\p{Nd}*|\.\p{Nd}+)$/u.test(text);
    const harmless = (text) => text.replace(WEIGHT, (all, value) => isNumber(value) ? all : ":\\" + all.slice(1));

    /* {nodes, notes, extended, leftOpen}: one prompt, or the part of it behind `offset`. Nodes and notes have the
       stretch of the text (at .. end) that they are about. */
    function read(prompt, extensions, place, offset) {
        const pieces = [], frames = [], notes = [], strays = [];
        let dead = 0, extended = false, schedules = 0, broken = -1;

        function note(at, end, refusal) {
            const [line, column] = place(offset + at);
            notes.push({line, column, reason: refusal.reason, instead: refusal.instead, at: offset + at,
                end: offset + end});
        }

        function die(reason) {
            for (; dead < frames.length; dead++) frames[dead].died = reason;
        }

        function lose(frame, end) {
            if (frame.cuts.length && frame.mark === "[") note(frame.at, end, refuse(frame.died || 'this "[" is never closed'));
        }

        function separate(mark, at) {
            const frame = frames[frames.length - 1];
            if (mark === "|") strays.push(at);
            if (!frame) return;
            if (mark === "|" && (frame.mark === "(" || frame.pipes < frame.cuts.length)) {
                die(frame.mark === "[" ? '"|" stands where it separates no options' : 'a "|" stands inside "( )"');
            }
            if (mark === "|") frame.pipes++;
            frame.cuts.push(pieces.length);
        }

        function close(mark, at) {
            const opener = mark === "]" ? "[" : "(";
            if (frames.length && frames[frames.length - 1].mark !== opener) {
                die('"' + mark + '" closes a bracket that is not the one open last');
                while (frames.length && frames[frames.length - 1].mark !== opener) lose(frames.pop(), at);
            }
            const frame = frames.pop();
            if (!frame) {
                dead = 0;
                pieces.push(mark);
                return;
            }
            const alive = frames.length >= dead;
            dead = Math.min(dead, frames.length);
            if (frame.cuts.length && alive) {
                decide(frame, mark, at);
            } else {
                lose(frame, at + 1);
                pieces.push(mark);
            }
        }

        function fieldsOf(frame) {
            const starts = [frame.start].concat(frame.cuts), ends = frame.cuts.concat(pieces.length);
            return starts.map((start, i) => joined(pieces.slice(start + 1, ends[i])));
        }

        function decide(frame, mark, at) {
            const node = mark === "]" ? square(frame) : round(frame);
            if (node && node.kind) {
                replace(frame, node, at + 1);
                return;
            }
            if (node) note(frame.at, at + 1, node);
            if (mark === "]" || frame.cuts.length > 1) {
                const [line, column] = place(offset + frame.at);
                die("the bracket at line " + line + ", column " + column + " inside it is no schedule");
            }
            pieces.push(mark);
        }

        function replace(frame, node, end) {
            pieces.length = frame.start;
            pieces.push(node);
            schedules++;
            strays.length -= frame.pipes;
            Object.assign(node, {at: offset + frame.at, end: offset + end});
            const advice = hint(node);
            if (advice) note(frame.at, end, advice);
            if (backwards(node)) note(frame.at, end, refuse("its times go backwards, so one of its texts is never shown"));
        }

        function square(frame) {
            const fields = fieldsOf(frame), native = settle("]", fields, frame.pipes, false);
            const found = native || settle("]", fields, frame.pipes, extensions);
            extended = extended || Boolean(!native && found && found.kind);
            return found;
        }

        function round(frame) {
            const tail = pieces.slice(frame.cuts[0] + 1, frame.cuts[0] + 3);
            if (!extensions || frame.cuts.length > 2 || typeof tail[0] !== "string" || !/[,>~@]/.test(tail[0])) return null;
            const ends = frame.cuts.slice(1).concat(pieces.length);
            const short = frame.cuts.every((start, i) => ends[i] - start <= 2);
            const found = settle(")", short ? fieldsOf(frame) : [[], joined(tail)]);
            extended = extended || Boolean(found && found.kind);
            return found;
        }

        function take(mark, at) {
            if (mark === "]" || mark === ")") {
                close(mark, at);
                return;
            }
            if (mark === "[" || mark === "(") {
                frames.push({mark, at, start: pieces.length, cuts: [], pipes: 0, died: ""});
            } else if (mark === "\\") {
                broken = broken < 0 ? at : broken;
                die("it holds a backslash before a line's end");
            } else {
                separate(mark, at);
            }
            pieces.push(mark);
        }

        const marks = /[[\]():|\\]/g;
        let done = 0;
        for (let found = marks.exec(prompt); found; found = marks.exec(prompt)) {
            const at = found.index, next = prompt[at + 1];
            if (found[0] === "\\" && next !== undefined && next !== "\n") {
                marks.lastIndex = at + 2;
                continue;
            }
            if (at > done) pieces.push(prompt.slice(done, at));
            take(found[0], at);
            done = at + 1;
        }
        if (done < prompt.length) pieces.push(prompt.slice(done));
        frames.forEach((frame) => lose(frame, prompt.length));
        let nodes = joined(pieces);
        if ((strays.length || broken >= 0) && !extended) {
            if (schedules) {
                const at = Math.min(...strays.slice(0, 1).concat(broken).filter((one) => one >= 0));
                const mark = at === strays[0] ? "|" : "\\";
                note(at, at + 1, refuse('this stray "' + mark + '" makes the WebUI take every schedule here as text', "\\" + mark));
            }
            nodes = prompt ? [prompt] : [];
        }
        for (const found of prompt.matchAll(WEIGHT)) {
            if (!isNumber(found[1])) {
                note(found.index, found.index + found[0].length,
                    refuse('"' + found[1] + '" is no number: the WebUI would stop; it stays text'));
            }
        }
        notes.sort((a, b) => a.line - b.line || a.column - b.column);
        const open = frames.find((frame) => frame.mark === "[");
        return {nodes, notes, extended, leftOpen: open ? open.at : -1};
    }

    /* Parts composed with AND (parts.py): {text, offset, weights, times, curve}. */

    function split(prompt, extensions) {
        const starts = [0], stops = [];
        for (let i = prompt.indexOf("AND"); i >= 0; i = prompt.indexOf("AND", i + 3)) {
            const next = String.fromCodePoint(prompt.codePointAt(i + 3) || 32);
            if (LETTER.test(prompt.slice(Math.max(i - 2, 0), i)) || LETTER.test(next)) continue;
            stops.push(i);
            starts.push(i + 3);
        }
        stops.push(prompt.length);
        return starts.map((start, i) => partOf(prompt.slice(start, stops[i]), start, extensions && starts.length > 1));
    }

    const partition = (text) => [text.slice(0, Math.max(text.lastIndexOf(":"), 0)), text.slice(text.lastIndexOf(":") + 1)];
    const made = (text, offset, values, at, curve) =>
        ({text, offset, weights: values || [1], times: at || [], curve: curve || ""});

    function partOf(all, offset, ours) {
        const rstrip = (words) => strip("x" + words).slice(1);
        const text = rstrip(all);
        if (!text.includes(":")) return made(text, offset);
        let [front, tail] = partition(text);
        const constant = PART.exec(tail);
        if (constant) return made(rstrip(front), offset, [decimal(constant[1])]);
        if (!ours) return made(text, offset);
        const curve = CURVES.includes(strip(tail)) ? strip(tail) : "";
        if (curve && !front.includes(":")) return made(text, offset);
        if (curve) [front, tail] = partition(front);
        let slashes = 0;
        while (front[front.length - 1 - slashes] === "\\") slashes++;
        const keys = slashes % 2 ? null : weights(tail);
        if (!keys || mixedKinds(keys.times)) return made(text, offset);
        return made(rstrip(front), offset, keys.weights.map(Number), keys.times, curve);
    }

    /* A number with digits of any script, as Python's float() takes it. */
    function decimal(text) {
        return Number(Array.from(text).map(function(letter) {
            if (!/\p{Nd}/u.test(letter)) return letter;
            let n = 0;
            while (/\p{Nd}/u.test(String.fromCodePoint(letter.codePointAt(0) - 1 - n))) n++;
            return n % 10;
        }).join(""));
    }

    globalThis.vaefaceReading = {harmless, placesOf, read, split};
})();
