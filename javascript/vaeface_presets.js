/* Presets on the page: whether the controls differ from the chosen one, the other tab's list, and downloads. */

(function() {
    "use strict";

    const rows = {}; // by the id of a row's list: {name, ids, was}
    const byId = (id) => gradioApp().querySelector("#" + CSS.escape(id));

    /* What is in the controls with these ids, as one text. */
    function state(ids) {
        return JSON.stringify(ids.map(function(id) {
            const box = byId(id + "-checkbox") || byId(id);
            return box ? Array.from(box.querySelectorAll("input, textarea"), (one) =>
                one.type === "checkbox" || one.type === "radio" ? one.checked : one.value) : null;
        }));
    }

    function differs(row) {
        const chosen = rows[row], list = byId(row) && byId(row).querySelector("input");
        return Boolean(chosen && list && list.value === chosen.name && state(chosen.ids) !== chosen.was);
    }

    function refresh() {
        gradioApp().querySelectorAll("[id$=_preset_revert]").forEach(function(button) {
            const lit = differs(button.id.replace(/_revert$/, ""));
            if (button.disabled === lit) button.disabled = !lit;
        });
    }

    let waiting = null;
    function soon() {
        clearTimeout(waiting);
        waiting = setTimeout(refresh, 150);
    }

    /* After an answer of the server. text: {name, ids} of the preset that is in the controls now; "" leaves it. */
    window.vaefacePreset = function(row, text, everywhere) {
        if (text) {
            setTimeout(function() { // when the page has drawn the new values
                const chosen = JSON.parse(text);
                rows[row] = {name: chosen.name, ids: chosen.ids, was: state(chosen.ids)};
                refresh();
            }, 100);
        }
        if (everywhere) {
            gradioApp().querySelectorAll("[id$=_preset_refresh]").forEach(function(button) {
                if (button.id !== row + "_refresh") button.click();
            });
        }
        return [];
    };

    window.vaefaceDownload = function(name, text) {
        if (!text) return [];
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob([text], {type: "application/json"}));
        link.download = name;
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 1000);
        return [];
    };

    ["input", "change", "click"].forEach((kind) => document.addEventListener(kind, soon));
    onAfterUiUpdate(soon);
    /* The page may have been built before other presets were saved: asked once, when the row is first seen. */
    onUiLoaded(function() {
        const loaded = performance.now();
        refresh();
        const seen = new IntersectionObserver((found) => found.filter((one) => one.isIntersecting).forEach(function(one) {
            seen.unobserve(one.target);
            const wait = performance.now() - loaded < 3000 ? 1500 : 0; // gradio may not listen yet
            setTimeout(() => byId(one.target.id).click(), wait);
        }));
        gradioApp().querySelectorAll("[id$=_preset_refresh]").forEach((button) => seen.observe(button));
    });
})();
