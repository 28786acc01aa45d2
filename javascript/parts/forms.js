/* What a closed bracket of a prompt is: the same nodes and refusals as lib_vaeface/schedule/{tails,forms}.py gives, which
   have the grammar and the reasons. For reading.js. */

(function() {
    "use strict";

    const {CURVES, number} = globalThis.vaefaceClock;
    const SPACES = "[\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]"; // Python's \s
    const NUMBER = "[+-]?(?:\\d+[eE][+-]?\\d+|(?:\\d+\\.\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?|\\d+)";
    const pattern = (text) => new RegExp(text.replace(/W/g, SPACES).replace(/N/g, NUMBER), "u");
    const NATIVE = pattern("^W*(N)W*$"), TIME = pattern("^W*(N)([%s]?)W*$"), SPAN = pattern("^W*(N)([%s]?)W*-W*(N)([%s]?)W*$");
    const KEY = pattern("^W*(N)(?:W*@W*(N)([%s]?)W*|W*)$"), ARROW = pattern("^W*(N)W*(?:->|>|~)W*(N)W*$");
    const NUMERIC = pattern("^W*[+-]?[0-9.]"), WHITE = pattern("W");
    const size = (text) => text.length - (text.match(/[\ud800-\udbff][\udc00-\udfff]/g) || []).length;
    const first = (text, count) => text.length > count ? Array.from(text.slice(0, 2 * count)).slice(0, count).join("") : text;

    function strip(text) {
        let start = 0, end = text.length;
        while (start < end && WHITE.test(text[start])) start++;
        while (end > start && WHITE.test(text[end - 1])) end--;
        return text.slice(start, end);
    }

    /* The ends of brackets (tails.py). A time is {text, unit}. */

    const BLANK = {text: "", unit: "?"};
    const time = (text, unit) => ({text, unit: unit || ""});
    const written = (t) => t.unit === "?" ? "" : t.text + t.unit;

    function nativeTime(text) {
        const found = NATIVE.exec(text);
        return found && time(found[1]);
    }

    function times(text) {
        if (!strip(text)) return [];
        const found = text.split(",").map((one) => strip(one) ? TIME.exec(one) : BLANK);
        return found.includes(null) ? [] : found.map((one) => one === BLANK ? one : time(one[1], one[2]));
    }

    function timesOrNative(text) {
        const found = times(text), native = found.length ? null : nativeTime(text);
        return native ? [native] : found;
    }

    function span(text) {
        const found = SPAN.exec(text);
        return found && [time(found[1], found[2]), time(found[3], found[4])];
    }

    /* {weights, times} or null. */
    function weights(text) {
        if (!/[,>~]/.test(text)) return null;
        const keys = text.split(",").map((one) => KEY.exec(one));
        if (keys.length > 1 && !keys.includes(null)) {
            return {weights: keys.map((key) => key[1]), times: keys.map((key) => key[2] ? time(key[2], key[3]) : BLANK)};
        }
        const arrow = ARROW.exec(text);
        return arrow && {weights: [arrow[1], arrow[2]], times: [BLANK, BLANK]};
    }

    /* Which node a closed bracket is (forms.py). A node is {kind, texts, times, ...}; a refusal {reason, instead}. */

    const refuse = (reason, instead) => ({reason, instead: instead || ""});
    const plain = (field) => !field.length ? "" : field.length === 1 && typeof field[0] === "string" ? field[0] : null;
    const fives = (count) => Array.from({length: count}, (_, i) => 5 * (i + 1)).join(",");

    function head(texts, separator) {
        const shown = texts.slice(0, 8).map(function(field) {
            const text = plain(field);
            return text !== null && text.length < 40 && size(text) < 20 ? text : "…";
        });
        return "[" + shown.join(separator || ":");
    }

    const nodeOf = (kind, texts, at, curve) => ({kind, texts, times: at, curve: curve || ""});

    function nativeSquare(fields, pipes) {
        if (pipes) return pipes === fields.length - 1 ? nodeOf("turns", fields, []) : null;
        const last = fields.length > 3 ? null : plain(fields[fields.length - 1]);
        const found = last === null ? null : nativeTime(last);
        return found && nodeOf("stages", [fields.length === 2 ? [] : fields[0], fields[fields.length - 2]], [found]);
    }

    function turns(fields, pipes) {
        const options = fields.slice(0, pipes + 1), tail = fields.slice(pipes + 1).map(plain);
        const wanted = head(options, "|") + ":3]", found = timesOrNative(tail[0] || "").slice(0, 2);
        if (found.length !== 1 || tail.length > 2) {
            return refuse("after the options of an alternation comes one time, how long each holds", wanted);
        }
        if (found[0].unit === "s") return refuse("options hold for steps, a fraction or %, not for a sigma", wanted);
        if (number(found[0]) <= 0) return refuse("options must hold for more than 0 steps", wanted);
        if (tail.length === 1) return nodeOf("turns", options, found);
        const curve = strip(tail[1] || "");
        if (!CURVES.includes(curve) || curve === "bezier") {
            return unknown(curve, head(options, "|") + ":" + written(found[0]), "]");
        }
        return nodeOf("turns", options, found, curve);
    }

    function timed(fields) {
        const texts = fields.slice(0, -1), end = plain(fields[fields.length - 1]);
        if (end === null) return refuse("a time must be a plain number, it cannot change itself", head(texts) + ":10]");
        const last = strip(end), before = plain(texts[texts.length - 1]);
        if (CURVES.includes(last) && fields.length > 2) return curved(texts.slice(0, -1), before || "", last);
        const found = timesOrNative(end);
        if (found.length) return counted(texts, found);
        const pair = span(end);
        if (pair) return windowed(texts, pair);
        if (fields.length > 2 && before && times(before).length > 1) {
            return unknown(last, head(texts.slice(0, -1)) + ":" + strip(before), "]");
        }
        return refuse('"' + first(last, 30) + '" is no time', head(texts) + ":10]");
    }

    function windowed(texts, pair) {
        if (texts.length === 1) return nodeOf("stages", [[], texts[0], []], pair);
        return refuse('only one text can have a span; times of several stand between ","',
            head(texts) + ":" + pair.map(written) + "]");
    }

    function counted(texts, found) {
        const many = texts.length, wrong = uneven(found);
        if (many === 1 && found.length === 1) return nodeOf("stages", [[], texts[0]], found);
        if (many === 1 && found.length === 2 && !found.includes(BLANK)) return windowed(texts, found);
        if (found.length === many - 1) return wrong || nodeOf("stages", texts, found);
        if (found.length === many && many > 1) return wrong || mixedKinds(found) || nodeOf("blend", texts, found);
        if (many === 1) return refuse("one text needs two times, found " + found.length, head(texts) + ":5,10]");
        return refuse(many + " texts need " + (many - 1) + " times to switch or " + many + " to blend, found " + found.length,
            head(texts) + ":" + fives(many - 1) + "]");
    }

    function curved(texts, text, curve) {
        const found = times(text);
        if (found.length === texts.length && texts.length > 1) {
            return uneven(found) || mixedKinds(found) || nodeOf("blend", texts, found, curve);
        }
        if (texts.length === 1) return refuse("a window has hard edges, it takes no curve", head(texts) + ":" + strip(text) + "]");
        return refuse('a blend ("' + curve + '") of ' + texts.length + " texts needs as many times, found " + found.length,
            head(texts) + ":" + fives(texts.length) + ":" + curve + "]");
    }

    function mixedKinds(found) {
        const levels = found.filter((t) => t.unit === "s").length;
        return levels && levels < found.length ? refuse("a blend has either sigmas for all its times or for none") : null;
    }

    function uneven(found) {
        const wrong = found.includes(BLANK) && found.some((t) => t.unit === "s");
        return wrong ? refuse("beside sigmas no time can be left out") : null;
    }

    function unknown(curve, start, end) {
        return refuse('"' + first(curve, 30) + '" is no curve here; there are ' + CURVES.join(", "),
            start + ":" + (nearest(first(curve, 20)) || "smooth") + end);
    }

    /* Python's difflib.get_close_matches: the curve of the best ratio, at least 0.6. */
    function nearest(word) {
        const letters = Array.from(word);
        const matches = function(a, b) {
            let best = 0, i0 = 0, j0 = 0;
            for (let i = 0; i < a.length; i++) {
                for (let j = 0; j < b.length; j++) {
                    let k = 0;
                    while (i + k < a.length && j + k < b.length && a[i + k] === b[j + k]) k++;
                    if (k > best) [best, i0, j0] = [k, i, j];
                }
            }
            if (!best) return 0;
            return best + matches(a.slice(0, i0), b.slice(0, j0)) + matches(a.slice(i0 + best), b.slice(j0 + best));
        };
        const ratio = (curve) => 2 * matches(Array.from(curve), letters) / (curve.length + letters.length);
        const scored = CURVES.map((curve) => [ratio(curve), curve]).filter((one) => one[0] >= 0.6);
        scored.sort((a, b) => b[0] - a[0] || (b[1] > a[1] ? 1 : -1));
        return scored.length ? scored[0][1] : "";
    }

    function hint(node) {
        if (node.kind !== "stages" || node.texts.length !== 2 || node.times.length !== 1) return null;
        const [before, after] = node.texts.map(plain);
        if (!before || !after || !nativeTime(after) || nativeTime(before)) return null;
        const until = written(node.times[0]);
        return refuse('the WebUI reads this as the text "' + after + '" from ' + until + " on, not as a range",
            "[" + first(before, 40) + ":" + strip(after) + "-" + until + "]");
    }

    function backwards(node) {
        const dotted = (t) => t.text.includes(".");
        return (node.kind === "stages" || node.kind === "blend") && node.times.slice(1).some(function(b, i) {
            const a = node.times[i];
            if (a.unit !== b.unit || a.unit === "?" || dotted(a) !== dotted(b)) return false;
            return a.unit === "s" ? number(b) > number(a) : number(b) < number(a);
        });
    }

    function ramp(fields) {
        const last = plain(fields[fields.length - 1]) || "";
        const found = weights(fields.length === 2 ? last : plain(fields[1]) || "");
        if (!found) {
            const meant = fields.length === 2 && NUMERIC.test(last) && /[,>~@]/.test(last);
            return meant && refuse("weights over time are numbers: 1.0,2.0 or 1.0->2.0 or .5@0,1.2@40%", "(word:1.0,2.0)");
        }
        const curve = fields.length === 2 ? "" : strip(last);
        if (curve && !CURVES.includes(curve) || fields.length > 2 && !curve) return unknown(curve, "(word:1.0,2.0", ")");
        return uneven(found.times) || mixedKinds(found.times) ||
            {kind: "ramp", texts: [fields[0]], weights: found.weights, times: found.times, curve};
    }

    /* {kind, ...}, {reason, ...} or nothing. */
    function settle(mark, fields, pipes, extensions) {
        if (mark === ")") return ramp(fields);
        return nativeSquare(fields, pipes) || (extensions ? (pipes ? turns(fields, pipes) : timed(fields)) : null);
    }

    globalThis.vaefaceForms = {SPACES, backwards, hint, mixedKinds, refuse, settle, size, strip, weights};
})();
