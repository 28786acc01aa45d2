/* A timeline of the page written as Timeline.to_json writes the server's, see lib_vaeface/schedule/timeline.py. */

function vaefaceAnswer(line) {
    "use strict";

    const {clock, bound, part} = line, notes = line.notes(), six = (value) => Math.round(value * 1e6) / 1e6;

    function probes() {
        const sorted = Array.from(bound.levels, (level) => -level).sort((a, b) => a - b);
        const every = Math.floor(sorted.length / 64) + 1, levels = sorted.filter((_, i) => i % every === 0);
        const between = levels.slice(1).map((level, i) => (levels[i] + level) / 2);
        return [-Infinity, ...levels, ...between, Infinity];
    }

    function texts() {
        const found = new Set(line.ends.flatMap((end) => [...line.piece(end).keys()]));
        if (bound.levels.size) {
            probes().forEach((level) => line.ends.forEach((end) =>
                bound.at(end, level).forEach((_, text) => found.add(vaefaceReading.harmless(text)))));
        }
        return [...found];
    }

    function switchOf(node) {
        const pick = bound.picks.get(node);
        const at = pick.hold ? [pick.hold] : pick.keys.map(([place, bySigma]) => bySigma ? [Math.min(-place, 1e9)] : six(place));
        const found = {kind: node.kind, texts: pick.options.length, at, curve: node.curve};
        return pick.weights ? {...found, weights: pick.weights} : found;
    }

    const known = texts(), index = new Map(known.map((text, i) => [text, i])), pieces = [];
    let from = 0;
    line.ends.forEach(function(end) {
        const until = Math.min(clock.lastCall(end), clock.calls - 1);
        if (until < from) return;
        pieces.push({from, until, weights: Array.from(line.piece(end), ([text, weight]) => [index.get(text), six(weight)])});
        from = until + 1;
    });
    const weights = Array.from({length: part.times.length ? clock.calls : 1}, (_, call) => six(line.weightAt(call)));
    return JSON.parse(JSON.stringify({
        v: 1, prompt: part.text, timing: clock.exact ? "exact" : "webui", steps: clock.steps, calls: clock.calls,
        geometry: bound.geometries.has("slerp") ? "slerp" : "linear", by_sigma: bound.levels.size > 0,
        extended: line.extended, texts: known, pieces, part_weights: weights, switches: bound.nodeList.map(switchOf),
        notes: notes.map(({line: row, column, reason, instead}) => ({line: row, column, reason, instead})),
    }));
}
