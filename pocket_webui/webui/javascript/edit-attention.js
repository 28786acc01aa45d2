// Ctrl+Up and Ctrl+Down change the weight of the selected words: word -> (word:1.1).

const attentionWeight = /^\(([\s\S]*):(-?\d*\.?\d+)\)$/;

/** [start, end] of the weighted group around the caret or, failing that, of the selection or word there. */
function attentionRange(text, start, end) {
    const open = text.lastIndexOf("(", start), close = text.indexOf(")", end > start ? end - 1 : end);
    const inside = open >= 0 && close >= 0 ? text.slice(open, close + 1) : "";
    if (attentionWeight.test(inside) && inside.lastIndexOf("(") === 0 && inside.indexOf(")") === inside.length - 1) {
        return [open, close + 1];
    }
    if (start !== end) return [start, end];
    const left = text.slice(0, start).search(/[^\s,()[\]|:]*$/);
    return [left, end + text.slice(end).search(/[\s,()[\]|:]|$/)];
}

/** The piece with its weight moved by `delta`; weight 1 is written without parentheses. */
function reweighted(piece, delta) {
    const match = piece.match(attentionWeight);
    const words = match ? match[1] : piece, weight = (match ? parseFloat(match[2]) : 1) + delta;
    const rounded = Math.round(weight * 1e4) / 1e4;
    return rounded === 1 ? words : `(${words}:${rounded})`;
}

document.addEventListener("keydown", (event) => {
    const area = event.composedPath()[0];
    if (!(event.ctrlKey || event.metaKey) || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    if (!(area instanceof HTMLTextAreaElement) || !area.closest(".prompt")) return;
    const [start, end] = attentionRange(area.value, area.selectionStart, area.selectionEnd);
    const piece = area.value.slice(start, end);
    if (!piece.trim()) return;
    const step = Number(opts.keyedit_precision_attention || 0.1);
    const changed = reweighted(piece, event.key === "ArrowUp" ? step : -step);
    area.setRangeText(changed, start, end, "select");
    updateInput(area);
    event.preventDefault();
});
