/* The panel: its live status in the header, the tooltips, the examples of its syntax card, and when the lists of VAE files
   are to be looked at. Values are read off the page's own controls; no server is asked for the status. */

(function() {
    "use strict";

    const byId = (id) => gradioApp().querySelector("#" + id);
    const parsed = (status, name) => JSON.parse(status.dataset[name]);
    const statuses = () => [...gradioApp().querySelectorAll(".vaeface-status")];

    function isOn(id) {
        const box = (byId(id + "-checkbox") || byId(id))?.querySelector("input[type=checkbox]"); // an accordion's is apart
        return Boolean(box && box.checked);
    }

    function valueOf(id, usual) {
        const box = byId(id);
        const input = box?.querySelector("input[type=radio]:checked, input[type=number], input:not([type=radio]), textarea");
        return input ? input.value : usual;
    }

    const nameOf = (file) => file.replace(/^.*[\\/]/, "").replace(/\.(safetensors|ckpt|pt|pth)$/i, "");

    /* What each feature says of its values. {name: [value, usual]} */
    const WORDS = {
        schedule: function(values, tab) {
            const count = window.vaefaceSwitches?.[tab];
            const said = count ? count + (count === 1 ? " switch" : " switches") : "schedule";
            return said + (values.timing[0] === "exact" ? ", exact" : "");
        },
        vae: ({vae_name: [file, usual]}) => file === usual || file === "Built-in" ? "VAE: " + file : nameOf(file),
        faces: function({face_strength: [strength], face_vae: [file, usual]}) {
            const done = Number(strength) > 0 ? "refine " + Number(strength) : "decode";
            return "faces: " + done + (file === usual ? "" : ", " + nameOf(file));
        },
    };

    /* What the card under a picker says, where it is no. */
    function refusal(id) {
        const answer = byId(id + "_card")?.querySelector("[data-answer]")?.dataset.answer || "";
        return ["", "fits", "unknown"].includes(answer) ? "" : answer;
    }

    /* [[text, class]] of one header. What is off is named only where the person has prepared something. */
    function parts(status) {
        const tab = status.dataset.master.includes("img2img") ? "img2img" : "txt2img";
        const master = isOn(status.dataset.master), found = [];
        parsed(status, "features").forEach(function({feature, switch: id, on: usuallyOn, values}) {
            const now = Object.fromEntries(Object.entries(values).map(([name, [control, usual]]) =>
                [name, [valueOf(control, usual), usual, control]]));
            const prepared = Object.values(now).some(([value, usual]) => value !== "" && String(value) !== usual &&
                Number(value) !== Number(usual)) || (feature === "schedule" && window.vaefaceSwitches?.[tab] > 0);
            const on = isOn(id), ticked = on && !usuallyOn;
            if (!(master && on) && !ticked && !prepared) return;
            const bad = on && Object.values(now).map(([, , control]) => refusal(control)).find(Boolean);
            const text = WORDS[feature](now, tab) + (on ? "" : " (off)") + (bad ? " " + bad : "");
            found.push([text, !master || !on ? "vaeface-off" : bad ? "vaeface-error" : ""]);
        });
        return !master && found.length ? [["off", "vaeface-off"], ...found] : found;
    }

    function show(status) {
        const found = parts(status), key = JSON.stringify(found);
        if (status.dataset.shown === key) return; // writing would count as a change of the page
        status.dataset.shown = key;
        status.title = found.map(([text]) => text).join(" · ");
        status.replaceChildren(...found.flatMap(function([text, look], number) {
            const part = document.createElement("span");
            part.textContent = text;
            part.className = look;
            return number ? [" · ", part] : [part];
        }));
    }

    function refresh() {
        statuses().forEach(show);
    }

    window.vaefaceStatus = function() {
        requestAnimationFrame(refresh); // after the page has drawn the new values
        return [];
    };

    function help(status) {
        Object.entries(parsed(status, "help")).forEach(function([id, text]) {
            const box = byId(id), target = box?.classList.contains("input-accordion") ? box.querySelector(".label-wrap") : box;
            if (!target) return;
            target.title = text;
            target.querySelectorAll("input, textarea").forEach((input) => input.setAttribute("aria-description", text));
        });
    }

    /* The files are looked at when the panel opens, and again when another model is loaded. */
    const looked = new Map();
    let later = 0;
    const model = () => [opts.sd_model_checkpoint, opts.sd_checkpoint_hash, opts.sd_vae].join("|");
    const isOpen = (status) => Boolean(byId(status.dataset.master)?.querySelector(".label-wrap.open"));

    function look(status) {
        const waiting = byId(status.dataset.files)?.querySelector(".vaeface-again"); // for a model that is being loaded
        if (!Object.keys(opts).length || !isOpen(status) || (looked.get(status) === model() && !waiting)) return;
        looked.set(status, model());
        byId(status.dataset.refresh)?.click();
    }

    /* Open lists tell of each file what is known of it. */
    function annotate(status) {
        const items = parsed(status, "pickers").flatMap((id) => [...byId(id)?.querySelectorAll("ul li") || []]);
        const notes = items.length && byId(status.dataset.files)?.querySelector("[data-notes]");
        if (!notes) return;
        const known = JSON.parse(notes.dataset.notes);
        items.forEach(function(item) {
            const note = known[item.dataset.value || item.getAttribute("aria-label")];
            if (note && item.dataset.vaeface !== note[0]) [item.dataset.vaeface, item.title] = note;
        });
    }

    /* Examples go into the prompt box used last, at the caret. */
    const used = {}; // by tab
    const BOXES = "#txt2img_prompt, #txt2img_neg_prompt, #hires_prompt, #hires_neg_prompt, #img2img_prompt, #img2img_neg_prompt";

    function insert(example) {
        const tab = example.closest("[id^=script_img2img_]") ? "img2img" : "txt2img";
        const area = used[tab]?.isConnected ? used[tab] : byId(tab + "_prompt").querySelector("textarea"), start = area.selectionStart;
        const space = /\S$/.test(area.value.slice(0, start)) ? " " : "";
        area.setRangeText(space + example.textContent, start, area.selectionEnd, "end");
        updateInput(area);
        area.focus();
    }

    document.addEventListener("focusin", function({target}) {
        const box = target instanceof HTMLTextAreaElement && target.closest(BOXES);
        if (box) used[box.id.startsWith("img2img") ? "img2img" : "txt2img"] = target;
    });
    document.addEventListener("click", function({target}) {
        const example = target instanceof Element && target.closest(".vaeface-example");
        if (example) insert(example);
    });

    onUiLoaded(function() {
        statuses().forEach(function(status) {
            help(status);
            const header = byId(status.dataset.master)?.querySelector(".label-wrap");
            if (header) new MutationObserver(() => look(status)).observe(header, {attributes: true});
            look(status);
        });
        refresh();
    });
    onOptionsChanged(() => statuses().forEach(look));
    onAfterUiUpdate(function() {
        statuses().forEach(annotate);
        refresh();
        clearTimeout(later);
        later = setTimeout(() => statuses().forEach(look), 5000);
    });
})();
