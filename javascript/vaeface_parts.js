/* Loads javascript/parts/ when it is wanted, so that opening the page costs little: the timeline's parts when a prompt first
   has a mark of the syntax in it, the tab's when the tab or a place to drop files on is first seen. */

(function() {
    "use strict";

    const PARTS = {
        timeline: ["clock", "forms", "reading", "schedule", "timeline"],
        tab: ["tab", "faces"],
    };
    const PROMPTS = ["txt2img", "txt2img_neg", "hires", "hires_neg", "img2img", "img2img_neg"]
        .map((name) => "#" + name + "_prompt textarea").join(", ");
    const MARKS = /[[(\\:]/;
    const here = document.currentScript.src, begun = new Set();

    /* The panel says when the parts were last changed: an old one in the browser's cache is not taken. */
    function address(name) {
        const changed = gradioApp().querySelector(".vaeface-status")?.dataset.parts || "";
        return new URL("parts/" + name + ".js?" + changed, here).href;
    }

    function add(source) {
        return new Promise(function(done, failed) {
            const script = Object.assign(document.createElement("script"), {src: source, onload: done});
            script.onerror = () => failed(new Error(source));
            document.head.append(script);
        });
    }

    /* In their order: each uses what is before it. */
    async function load(group) {
        if (begun.has(group)) return;
        begun.add(group);
        try {
            for (const name of PARTS[group]) await add(address(name));
        } catch (error) {
            console.warn("VAE Face: no " + group + " on this page until it is opened again; could not be loaded: " + error.message);
        }
    }

    function look() {
        if (begun.has("timeline") || !Object.keys(opts).length || opts.vaeface_timeline === false) return;
        if ([...gradioApp().querySelectorAll(PROMPTS)].some((area) => MARKS.test(area.value))) load("timeline");
    }

    const seen = new IntersectionObserver(function(found) {
        if (!found.some((one) => one.isIntersecting)) return;
        seen.disconnect();
        load("tab");
    });

    window.vaefaceUpload = () => ""; // the tab's part knows better
    ["input", "change", "keyup", "click"].forEach((kind) => document.addEventListener(kind, look, true));
    const watch = setInterval(function() { // what the WebUI fills in without an event
        if (begun.has("timeline")) clearInterval(watch);
        else if (!document.hidden) look();
    }, 2000);
    onOptionsChanged(look);
    onAfterUiUpdate(function() {
        look();
        if (begun.has("tab")) return;
        gradioApp().querySelectorAll("#vaeface_tabs, .vaeface-drop").forEach((place) => seen.observe(place));
    });
})();
